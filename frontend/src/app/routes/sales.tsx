import { SalesPage } from "@/features/sale/sales-page";

export function SalesRoute() {
  return <SalesPage />;
}
