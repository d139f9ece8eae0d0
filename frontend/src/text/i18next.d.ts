import type en from "./en";

// The compiler knows every text by its key: a missing one is an error where it is used.
declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: typeof en;
  }
}
