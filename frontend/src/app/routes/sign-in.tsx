import { useRouter, useSearch } from "@tanstack/react-router";
import { SignInPage } from "@/features/account/sign-in-page";

/** Signs in and goes back to where the reader came from; the way back does not lead through here. */
export function SignInRoute() {
  const { returnTo = "/", problem } = useSearch({ from: "/sign-in" });
  const { history } = useRouter();
  return <SignInPage returnTo={returnTo} problem={problem} onEntered={() => history.replace(returnTo)} />;
}
