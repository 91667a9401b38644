import { ERROR_DOMAIN, errors, type Reason } from "../../core/base/errors.ts";

/** The body of every error of the HTTP door: the registry's entry, and what it is about. */
export interface HttpErrorBody {
  readonly error: {
    /** Stable: decide by it. */
    readonly reason: Reason;
    readonly domain: string;
    readonly status: number;
    readonly retry: string;
    /** For people. */
    readonly message: string;
    /** The dynamic parts of the case. */
    readonly metadata: Readonly<Record<string, string>>;
  };
}

export function httpErrorBody(reason: Reason, metadata: Readonly<Record<string, string>> = {}): HttpErrorBody {
  const { http, retry, message } = errors[reason];
  return { error: { reason, domain: ERROR_DOMAIN, status: http, retry, message, metadata } };
}
