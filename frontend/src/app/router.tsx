/** Every address of the page on one screen. The first is what a crowd opens; the others load when they are wanted. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Unreachable } from "@/api/problem";
import { queryClient } from "@/api/queries";
import { saleQuery } from "@/features/sale/api/get-sale";
import { salesQuery } from "@/features/sale/api/list-sales";
import type { Part } from "@/text/languages";
import { need } from "@/text/text";
import { Broken, BrokenFrame } from "./broken";
import { Frame } from "./frame";
import { NotFound } from "./not-found";
import { SalesRoute } from "./routes/sales";
import { signInSearch, statementSearch } from "./search";

/**
 * What a page is made of, its words included; both are asked for at once.
 *
 * The router takes a script that cannot be fetched for one that a newer version of the page has replaced, and reloads. Offline
 * that would leave a shopper with nothing, so it is told what it is.
 */
function withText<Module>(part: Part, load: () => Promise<Module>): () => Promise<Module> {
  return async () => {
    try {
      return (await Promise.all([load(), need(part)]))[0];
    } catch (cause) {
      throw navigator.onLine ? cause : new Unreachable("a part of the page did not arrive", { cause });
    }
  };
}

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound, errorComponent: BrokenFrame });

const sales = createRoute({
  getParentRoute: () => root,
  path: "/",
  loader: () => void queryClient.prefetchQuery(salesQuery),
  component: SalesRoute,
});

const sale = createRoute({
  getParentRoute: () => root,
  path: "/sales/$sale",
  loader: ({ params }) => void queryClient.prefetchQuery(saleQuery(params.sale)),
  component: lazyRouteComponent(
    withText("order", () => import("./routes/sale")),
    "SaleRoute",
  ),
});

const order = createRoute({
  getParentRoute: () => root,
  path: "/sales/$sale/orders/$order",
  component: lazyRouteComponent(
    withText("order", () => import("./routes/order")),
    "OrderRoute",
  ),
});

const orders = createRoute({
  getParentRoute: () => root,
  path: "/orders",
  component: lazyRouteComponent(
    withText("order", () => import("./routes/orders")),
    "OrdersRoute",
  ),
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: signInSearch,
  component: lazyRouteComponent(
    withText("account", () => import("./routes/sign-in")),
    "SignInRoute",
  ),
});

const account = createRoute({
  getParentRoute: () => root,
  path: "/account",
  component: lazyRouteComponent(
    withText("account", () => import("./routes/account")),
    "AccountRoute",
  ),
});

const merchant = createRoute({
  getParentRoute: () => root,
  path: "/merchant",
  component: lazyRouteComponent(
    withText("merchant", () => import("./routes/merchant")),
    "MerchantRoute",
  ),
});

const statement = createRoute({
  getParentRoute: () => root,
  path: "/merchant/$sale",
  validateSearch: statementSearch,
  component: lazyRouteComponent(
    withText("merchant", () => import("./routes/merchant")),
    "StatementRoute",
  ),
});

export const router = createRouter({
  routeTree: root.addChildren([sales, sale, order, orders, signIn, account, merchant, statement]),
  defaultErrorComponent: Broken,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
