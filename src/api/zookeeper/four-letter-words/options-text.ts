import type { EnsembleOptionFacts, FolderFacts, WordFacts } from "./word-facts.ts";

/** ZooKeeper's number for the only way it elects since 3.5. */
const ELECTION_ALGORITHM = 3;
/** ZooKeeper's number for a port there is not, and for a backlog that is the system's. */
const NONE = -1;

/**
 * The answer to `conf`. In an ensemble it ends with its members, without a newline as in ZooKeeper; a member that knows
 * no leader does not show them.
 */
export function optionsText(facts: WordFacts): string {
  const options = facts.options();
  const { data, dataBytes, journal, journalBytes } = facts.folders();
  const lines = [
    `clientPort=${options.clientPort ?? NONE}`,
    `secureClientPort=${options.secureClientPort ?? NONE}`,
    `dataDir=${data}`,
    `dataDirSize=${dataBytes}`,
    `dataLogDir=${journal}`,
    `dataLogSize=${journalBytes}`,
    `tickTime=${options.tickMs}`,
    `maxClientCnxns=${options.connectionsPerAddressMax}`,
    `minSessionTimeout=${options.sessionTimeoutMinMs}`,
    `maxSessionTimeout=${options.sessionTimeoutMaxMs}`,
    `clientPortListenBacklog=${NONE}`,
    `serverId=${options.serverId}`,
    ...(options.ensemble === undefined ? [] : ensembleLines(options.ensemble)),
  ];
  const own = lines.map((line) => `${line}\n`).join("");
  if (options.ensemble === undefined || facts.mode === "read-only") return own;
  return `${own}membership: \n${options.ensemble.membership}`;
}

function ensembleLines(ensemble: EnsembleOptionFacts): readonly string[] {
  return [
    `initLimit=${ensemble.initLimitTicks}`,
    `syncLimit=${ensemble.syncLimitTicks}`,
    `electionAlg=${ELECTION_ALGORITHM}`,
    `electionPort=${ensemble.electionPort}`,
    `quorumPort=${ensemble.quorumPort}`,
    `peerType=${ensemble.isObserver ? 1 : 0}`,
  ];
}

/** The answer to `dirs`. */
export function foldersText({ dataBytes, journalBytes }: FolderFacts): string {
  return `datadir_size: ${dataBytes}\nlogdir_size: ${journalBytes}\n`;
}
