import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "@/api/client";

/** How long a settlement is good enough to be shown again, in milliseconds: the ledger reads every order to make one. */
const STALE_AFTER_MS = 10_000;

/** What a sale came to. It is asked for when somebody looks, never by a timer. */
export const statementQuery = (sale: string) =>
  queryOptions({
    queryKey: ["merchant", "statement", sale],
    queryFn: ({ signal }) =>
      ask((signal) => api.GET("/v1/sales/{sale}/statement", { params: { path: { sale } }, signal }), signal),
    staleTime: STALE_AFTER_MS,
    meta: { personal: true },
  });
