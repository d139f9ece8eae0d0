import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { refusedAs } from "@/api/problem";
import { Field } from "@/ui/field";
import {
  type Faults,
  type FieldName,
  faults,
  faultsTold,
  firstOf,
  type Mode,
  PASSWORD_CHARACTERS_MAX,
  PASSWORD_CHARACTERS_MIN,
  type Typed,
} from "./credentials";
import { useEnter } from "./enter";
import { EnterFailure, EnterWait } from "./enter-failure";
import { Modes } from "./modes";
import { SubmitButton } from "./submit-button";

interface Props {
  mode: Mode;
  onMode: (mode: Mode) => void;
  /** Of the heading that says what is done here. */
  titleId: string;
  onEntered: () => void;
}

/** Signs in or registers with the same address and password, so that whoever changes their mind types nothing twice. */
export function SignInForm({ mode, onMode, titleId, onEntered }: Props) {
  const { t } = useTranslation("account");
  const form = useRef<HTMLFormElement>(null);
  const [typed, setTyped] = useState<Typed>({ email: "", password: "", name: "" });
  const [wrong, setWrong] = useState<Faults>({});
  const [shown, setShown] = useState(false);
  const enter = useEnter(onEntered);
  const waiting = enter.isPending || enter.isSuccess;

  const focus = (name: FieldName | undefined) => {
    const input = name && form.current?.elements.namedItem(name);
    if (input instanceof HTMLInputElement) input.focus();
  };

  const told = refusedAs(enter.error, "invalid-request")?.field;
  useEffect(() => {
    if (told !== undefined) setWrong(faultsTold(told));
  }, [told]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (waiting) return;
    const found = faults(mode, typed);
    setWrong(found);
    const first = firstOf(found);
    if (first !== undefined) return focus(first);
    const as = { mode, typed };
    enter.mutate(as, {
      onError: (error) => {
        const told = refusedAs(error, "invalid-request");
        // What is most likely to be typed anew; the notice above the button says why.
        focus(told ? firstOf(faultsTold(told.field)) : refusedAs(error, "not-signed-in") && "password");
      },
    });
  };

  // What was wrong by the rules of the one mode may be right by those of the other.
  const change = (mode: Mode) => {
    setWrong({});
    enter.reset();
    onMode(mode);
  };

  const field = (name: FieldName) => ({
    name,
    value: typed[name],
    error: wrong[name] && t(`rule.${wrong[name]}`, { least: PASSWORD_CHARACTERS_MIN, most: PASSWORD_CHARACTERS_MAX }),
    onChange: ({ target }: { target: HTMLInputElement }) => {
      setTyped((before) => ({ ...before, [name]: target.value }));
      setWrong(({ [name]: _, ...others }) => others);
    },
  });
  const passwordHint = t("password.hint", { least: PASSWORD_CHARACTERS_MIN, most: PASSWORD_CHARACTERS_MAX });

  return (
    <form ref={form} noValidate onSubmit={submit} className="space-y-5">
      <Modes mode={mode} onMode={change} labelledBy={titleId} />
      {mode === "register" && (
        <Field label={t("name.label")} hint={t("name.hint")} autoComplete="name" maxLength={200} {...field("name")} />
      )}
      <Field
        label={t("email.label")}
        type="email"
        inputMode="email"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
        dir="ltr"
        {...field("email")}
      />
      <div className="space-y-1">
        <Field
          label={t("password.label")}
          hint={mode === "register" ? passwordHint : undefined}
          type={shown ? "text" : "password"}
          autoComplete={mode === "register" ? "new-password" : "current-password"}
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          required
          dir="ltr"
          {...field("password")}
        />
        <label className="inline-flex min-h-11 cursor-pointer items-center gap-2.5 text-sm">
          <input
            type="checkbox"
            checked={shown}
            onChange={() => setShown(!shown)}
            className="size-5 cursor-pointer accent-accent"
          />
          {t("password.show")}
        </label>
      </div>
      <EnterWait shown={enter.isPending && enter.failureCount > 0} />
      {enter.isError && told === undefined && (
        <EnterFailure error={enter.error} onSignInInstead={() => change("signIn")} />
      )}
      <SubmitButton error={enter.error} waiting={waiting}>
        {t(`${mode}.${waiting ? "pending" : "action"}`)}
      </SubmitButton>
      {mode === "register" && <p className="text-muted text-sm">{t("register.text")}</p>}
    </form>
  );
}
