/** What the door needs of a logger; pino's is one. Requests are never logged at info. */
export interface ZookeeperDoorLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
