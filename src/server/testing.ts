/** `muster/testing`: what `@muster/testing` is made of. Other programs use that package, which is documented. */
export { MemoryMedium } from "../storage/memory-medium.ts";
export { type LogLevel, MemoryMember, type MemoryMemberOptions } from "./memory-member.ts";
export { TestingError } from "./testing-error.ts";
