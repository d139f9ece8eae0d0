import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { OrderState } from "@/api/schema";
import { Button } from "@/ui/button";
import { Field } from "@/ui/field";
import { Select } from "@/ui/select";
import type { Which } from "./api/list-sale-orders";

const STATES: readonly OrderState[] = ["confirmed", "held", "released"];

const ORDER_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Which orders are shown: all, those in a state, or one by its number as its customer tells it. */
export function OrderFilter({ which, onWhich }: { which: Which; onWhich: (which: Which) => void }) {
  const { t } = useTranslation("merchant");
  const id = useId();
  const [order, setOrder] = useState(which.order ?? "");
  const [wrong, setWrong] = useState(false);
  const find = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const id = order.trim().toLowerCase();
    if (id === "") return onWhich({});
    if (ORDER_ID.test(id)) return onWhich({ order: id });
    setWrong(true);
    event.currentTarget.querySelector("input")?.focus();
  };
  return (
    <div className="flex flex-wrap items-start gap-x-6 gap-y-4">
      <div className="space-y-1.5">
        <label htmlFor={id} className="block font-medium">
          {t("orders.state")}
        </label>
        <Select
          id={id}
          className="min-h-11"
          value={which.order === undefined ? (which.state ?? "all") : "all"}
          onChange={({ target }) => {
            const state = STATES.find((state) => state === target.value);
            setOrder("");
            setWrong(false);
            onWhich(state === undefined ? {} : { state });
          }}
        >
          <option value="all">{t("orders.all")}</option>
          {STATES.map((state) => (
            <option key={state} value={state}>
              {t(`orders.${state}`)}
            </option>
          ))}
        </Select>
      </div>
      <form noValidate onSubmit={find} className="flex min-w-0 grow flex-wrap items-start gap-3 sm:max-w-xl">
        <Field
          label={t("orders.find")}
          error={wrong && t("orders.findWrong")}
          value={order}
          onChange={({ target }) => {
            setOrder(target.value);
            setWrong(false);
          }}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          dir="ltr"
          className="min-w-0 grow basis-40"
        />
        <Button look="plain" type="submit" className="mt-7.5">
          {t("orders.findAction")}
        </Button>
      </form>
    </div>
  );
}
