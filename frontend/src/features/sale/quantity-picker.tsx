import { Minus, Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { numberFormat } from "@/format/formats";
import { classes } from "@/ui/classes";
import { within } from "./quantity";

interface Props {
  /** What is counted. */
  name: string;
  value: number;
  most: number;
  onChange: (value: number) => void;
}

const STEP = "flex size-11 cursor-pointer items-center justify-center rounded-xl hover:bg-sunken";
const IDLE = "aria-disabled:cursor-not-allowed aria-disabled:opacity-40 aria-disabled:hover:bg-transparent";

/**
 * Chooses how many. A button that can do no more stays where it is and keeps the focus: stock that moves would take it away
 * from under the finger.
 */
export function QuantityPicker({ name, value, most, onChange }: Props) {
  const { t, i18n } = useTranslation("sale");
  const step = (by: number) => onChange(within(value + by, most));
  return (
    <fieldset className="inline-flex items-center rounded-xl border border-line">
      <legend className="sr-only">{t("quantity.of", { item: name })}</legend>
      <button
        type="button"
        aria-label={t("quantity.less")}
        aria-disabled={value <= 1}
        onClick={() => step(-1)}
        className={classes(STEP, IDLE)}
      >
        <Minus aria-hidden className="size-4" />
      </button>
      <output className="min-w-8 text-center font-semibold tabular-nums">
        {numberFormat(i18n.language).format(value)}
      </output>
      <button
        type="button"
        aria-label={t("quantity.more")}
        aria-disabled={value >= most}
        onClick={() => step(1)}
        className={classes(STEP, IDLE)}
      >
        <Plus aria-hidden className="size-4" />
      </button>
    </fieldset>
  );
}
