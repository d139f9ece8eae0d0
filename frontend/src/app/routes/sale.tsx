import { useParams } from "@tanstack/react-router";
import { SalePage } from "@/features/sale/sale-page";

/** A sale, and in each of its items what buys it: features do not know each other, so they meet here. */
export function SaleRoute() {
  const { sale } = useParams({ from: "/sales/$sale" });
  return <SalePage key={sale} id={sale} buy={() => null} />;
}
