import { queryOptions } from "@tanstack/react-query";
import { allSales } from "./ask-sales";

/** How often the list is read again, in milliseconds: sales begin and end without anybody touching the page. */
const AGAIN_AFTER_MS = 5_000;

/** All sales: those that run, those to come, those that are over. */
export const salesQuery = queryOptions({
  queryKey: ["sales"],
  queryFn: ({ signal }) => allSales.ask(signal),
  refetchInterval: AGAIN_AFTER_MS,
});
