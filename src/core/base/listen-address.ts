/** Where a door listens. Port 0 lets the system choose; the door reports what it got. */
export interface ListenAddress {
  /** An IPv4 or IPv6 address without brackets, or a host name. */
  readonly host: string;
  /** 0 to 65,535. */
  readonly port: number;
}

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?$/;
const IPV6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?$/;

/**
 * Reads `host:port`, an IPv6 host in brackets. Returns what is wrong, as a clause that follows the value, when it is
 * not one.
 */
export function parseListenAddress(text: string): ListenAddress | string {
  const bracketed = /^\[([^\]]*)\]:(.*)$/.exec(text);
  const colon = text.lastIndexOf(":");
  if (bracketed === null && colon < 0) return "has no port";
  const host = bracketed?.[1] ?? text.slice(0, colon);
  const portText = bracketed?.[2] ?? text.slice(colon + 1);
  if (bracketed === null && host.includes(":")) return "is an IPv6 address without brackets";
  if (bracketed !== null && !IPV6.test(host)) return "has no IPv6 address between its brackets";
  if (host === "") return "has no host";
  if (bracketed === null && !HOST_NAME.test(host)) return "has a host that is neither an address nor a name";
  if (!/^\d{1,6}$/.test(portText)) return `has ${portText === "" ? "no port" : "a port that is not a number"}`;
  const port = Number(portText);
  if (port > 65_535) return "has a port above 65535";
  return { host, port };
}

/** The form people read and type: `host:port`, IPv6 in brackets. */
export function formatListenAddress(address: ListenAddress): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** True when only this machine can reach it: 127.0.0.0/8, ::1 or localhost (ARCHITECTURE, decision 15). */
export function isLoopback(host: string): boolean {
  const plain = host.toLowerCase();
  return plain === "localhost" || plain === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(plain);
}
