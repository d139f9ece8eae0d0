import { useQuery } from "@tanstack/react-query";
import { saleQuery } from "./api/get-sale";

export function SalePage({ id }: { id: string }) {
  const { data } = useQuery(saleQuery(id));
  return <p>{data?.name}</p>;
}
