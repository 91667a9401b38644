import { type OpCode, opCode } from "../op-code.ts";

/** Before the first reply and after a reset; also of a write that failed, which ZooKeeper forgets the kind of. */
export const NO_OPERATION = "NA";

/** As ZooKeeper 3.8 shows the last operation of a connection (FinalRequestProcessor). */
const names: ReadonlyMap<OpCode, string> = new Map<OpCode, string>([
  [opCode.CREATE_SESSION, "SESS"],
  [opCode.CLOSE_SESSION, "CLOS"],
  [opCode.CREATE, "CREA"],
  [opCode.CREATE2, "CREA"],
  [opCode.CREATE_CONTAINER, "CREA"],
  [opCode.CREATE_TTL, "CREA"],
  [opCode.DELETE, "DELE"],
  [opCode.DELETE_CONTAINER, "DELE"],
  [opCode.EXISTS, "EXIS"],
  [opCode.GET_DATA, "GETD"],
  [opCode.SET_DATA, "SETD"],
  [opCode.GET_ACL, "GETA"],
  [opCode.SET_ACL, "SETA"],
  [opCode.GET_CHILDREN, "GETC"],
  [opCode.GET_CHILDREN2, "GETC"],
  [opCode.SYNC, "SYNC"],
  [opCode.PING, "PING"],
  [opCode.CHECK, "CHEC"],
  [opCode.MULTI, "MULT"],
  [opCode.MULTI_READ, "MLTR"],
  [opCode.RECONFIG, "RECO"],
  [opCode.CHECK_WATCHES, "CHKW"],
  [opCode.REMOVE_WATCHES, "REMW"],
  [opCode.SET_WATCHES, "SETW"],
  [opCode.SET_WATCHES2, "STW2"],
  [opCode.ADD_WATCH, "ADDW"],
  [opCode.GET_EPHEMERALS, "GETE"],
  [opCode.GET_ALL_CHILDREN_NUMBER, "GETACN"],
  [opCode.WHO_AM_I, "HOMI"],
]);

/** The name that `cons` prints of a request answered; `isFailedWrite`: it was a write and it was refused. */
export function operationName(code: OpCode, isFailedWrite: boolean): string {
  return isFailedWrite ? NO_OPERATION : (names.get(code) ?? NO_OPERATION);
}
