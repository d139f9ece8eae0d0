/** What can be typed to sign in or to register, and which rule it breaks before anybody is asked. */

export type Mode = "signIn" | "register";

export interface Typed {
  readonly email: string;
  readonly password: string;
  readonly name: string;
}

/** In the order in which they stand on the page, so that the first that is wrong is the first to be put right. */
export const FIELDS = ["name", "email", "password"] as const;
export type FieldName = (typeof FIELDS)[number];

export const PASSWORD_CHARACTERS_MIN = 8;
export const PASSWORD_CHARACTERS_MAX = 128;
const NAME_CHARACTERS_MAX = 100;
const EMAIL_BYTES_MAX = 254;

export type Rule = "emailMissing" | "emailShape" | "passwordMissing" | "passwordShort" | "passwordLong" | "nameLong";

export type Faults = Partial<Record<FieldName, Rule>>;

/** Characters as the API counts them: a letter outside the first plane is one. */
const characters = (text: string) => [...text].length;

/**
 * What is wrong with what was typed. Signing in asks less than registering: an old password may be shorter than a new one has
 * to be, and only the API knows.
 */
export function faults(mode: Mode, { email, password, name }: Typed): Faults {
  const address = email.trim();
  const found: Faults = {};
  if (mode === "register" && characters(name.trim()) > NAME_CHARACTERS_MAX) found.name = "nameLong";
  if (address === "") found.email = "emailMissing";
  else if (!/^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(address) || address.length > EMAIL_BYTES_MAX) found.email = "emailShape";
  if (password === "") found.password = "passwordMissing";
  else if (mode === "register" && characters(password) < PASSWORD_CHARACTERS_MIN) found.password = "passwordShort";
  else if (characters(password) > PASSWORD_CHARACTERS_MAX) found.password = "passwordLong";
  return found;
}

/** The first field that is wrong. */
export function firstOf(found: Faults): FieldName | undefined {
  return FIELDS.find((field) => found[field] !== undefined);
}

/** What the API means when it says that a field of ours breaks a rule that we did not know of. */
export function faultsTold(field: string): Faults {
  if (field === "email") return { email: "emailShape" };
  if (field === "password") return { password: "passwordLong" };
  return field === "name" ? { name: "nameLong" } : {};
}
