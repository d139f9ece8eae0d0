import { memo } from "react";
import { useTranslation } from "react-i18next";
import { type ClockPart, clockParts, isOver, remaining, secondsLeft, spoken } from "@/format/remaining";
import { classes } from "@/ui/classes";
import { useReadOff } from "@/ui/use-now";

interface Props {
  /** The instant, in milliseconds of the server. */
  until: number;
  /** What comes then. */
  to: "start" | "end";
  look: "line" | "faces";
}

/**
 * Counts down on the server's clock.
 *
 * When nothing is left it claims nothing: it says that the answer is on its way, until the server tells that the sale has
 * turned. Eyes see every second; ears hear of each minute, and in the last one of every ten seconds.
 */
export function Countdown({ until, to, look }: Props) {
  const { t, i18n } = useTranslation("sale");
  const left = remaining(useReadOff((now) => secondsLeft(until, now)));
  const over = isOver(left);
  const name = over ? t(`countdown.${to}.over`) : t(`countdown.${to}.in`, { time: spoken(left, i18n.language) });
  if (look === "line") {
    const parts = clockParts(left, i18n.language, "narrow");
    return (
      <span role="timer" aria-label={name} className="whitespace-nowrap">
        {over ? (
          name
        ) : (
          <>
            {t(`countdown.${to}.label`)}{" "}
            <span className="font-semibold text-ink tabular-nums">
              {parts.map(({ unit, digits, label }) => (
                <span key={unit} className="ms-1 inline-block">
                  {digits}
                  <span className="font-normal text-muted text-sm"> {label}</span>
                </span>
              ))}
            </span>
          </>
        )}
      </span>
    );
  }
  const parts = clockParts(left, i18n.language);
  return (
    <div role="timer" aria-label={name} className="space-y-2">
      <p className={classes("text-muted text-sm", over && "invisible")}>{t(`countdown.${to}.label`)}</p>
      <div className="flex min-h-18 gap-2 sm:gap-3">
        {over ? (
          <p className="flex items-center font-semibold text-xl">{name}</p>
        ) : (
          parts.map((part) => <Face key={part.unit} {...part} />)
        )}
      </div>
    </div>
  );
}

/** One of the parts; drawn again when its own number turns. */
const Face = memo(function Face({ digits, label }: ClockPart) {
  return (
    <span className="min-w-16 rounded-xl bg-sunken px-1 py-2.5 text-center sm:min-w-18">
      <span className="block font-bold text-2xl tabular-nums leading-8">{digits}</span>
      <span className="block text-muted text-xs leading-5">{label}</span>
    </span>
  );
});
