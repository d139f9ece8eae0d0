import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import { queryClient } from "@/api/queries";
import { sessionQuery } from "@/api/session";
import { startText } from "@/text/text";
import { router } from "./router";

// What the first page shows is taken over while its words are still on their way.
void queryClient.prefetchQuery(sessionQuery);
void router.load();

const text = await startText();
// Scripts that a browser has kept can be there before the end of the document is.
if (document.readyState === "loading") {
  await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
}
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <I18nextProvider i18n={text}>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </I18nextProvider>
  </StrictMode>,
);
