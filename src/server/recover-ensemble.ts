/** What `muster ensemble recover` does to the data directory of a stopped member; the runtime knows how. */
export { type RecoveredEnsemble, type RecoveryPlan, recoverEnsemble } from "../runtime/recover-ensemble.ts";
