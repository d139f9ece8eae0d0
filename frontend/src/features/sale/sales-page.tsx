import { useQuery } from "@tanstack/react-query";
import { salesQuery } from "./api/list-sales";

export function SalesPage() {
  const { data } = useQuery(salesQuery);
  return <p>{data?.sales.length}</p>;
}
