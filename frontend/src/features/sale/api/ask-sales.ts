import { Ahead } from "@/api/ahead";
import { api, ask } from "@/api/client";

/** All sales, from no cache, as `saleQuery` says. */
export const allSales = new Ahead((signal) =>
  ask((signal) => api.GET("/v1/sales", { signal, cache: "no-store" }), signal),
);
