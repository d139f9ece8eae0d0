import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button";
import { Field } from "@/ui/field";

/** What the id of a sale looks like. */
const SALE_ID = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?-[0-9a-f]{8}$/;

/** Opens the books of a sale by its id: they are kept when the sale itself was removed, and then no list has it. */
export function OtherSale({ onSale }: { onSale: (sale: string) => void }) {
  const { t } = useTranslation("merchant");
  const [id, setId] = useState("");
  const [wrong, setWrong] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const sale = id.trim();
    if (SALE_ID.test(sale)) return onSale(sale);
    setWrong(true);
    event.currentTarget.querySelector("input")?.focus();
  };
  return (
    <form noValidate onSubmit={submit} className="flex max-w-xl flex-wrap items-start gap-3">
      <Field
        label={t("other.label")}
        hint={t("other.hint")}
        error={wrong && t("other.wrong")}
        value={id}
        onChange={({ target }) => {
          setId(target.value);
          setWrong(false);
        }}
        autoCapitalize="none"
        autoComplete="off"
        spellCheck={false}
        dir="ltr"
        className="min-w-0 grow basis-40"
      />
      <Button look="plain" type="submit" className="mt-7.5">
        {t("other.action")}
      </Button>
    </form>
  );
}
