import { type Data, invalid, requireData, requirePath, requireVersion } from "./arguments.ts";
import { MusterError } from "./errors.ts";
import { MultiOperation as MultiMessage, MultiReadOperation } from "./gen/muster/coordination/v1/session.ts";
import { CreateOperation, ListOperation, SetAclOperation } from "./gen/muster/coordination/v1/znode.ts";
import {
  type CreateOptions,
  type MultiOperation,
  type MultiOutcome,
  type MultiRead,
  type MultiReadOutcome,
  wireCreate,
  wireCreateMode,
  wirePart,
  wireReadPart,
} from "./multi.ts";
import { type Freshness, type OperationEncoder, type OperationField, operationField } from "./operation-encoder.ts";
import type { CallOptions } from "./operation-queue.ts";
import { type Kind, kind } from "./pending.ts";
import type {
  Changed,
  ChildrenPage,
  Created,
  PartDetails,
  TreeDeleted,
  Written,
  ZnodeAcl,
  ZnodeData,
} from "./result-value.ts";
import type { SessionCore } from "./session.ts";
import type { AclEntry, Stat } from "./stat.ts";
import type { Watch, WatchOptions } from "./watch.ts";

/** How fresh a read must be. By default it shows everything this client has seen or done. */
export interface ReadOptions extends CallOptions {
  /** The member confirms by a quorum round that it answers with the latest committed state. */
  readonly linearizable?: boolean | undefined;
  /** A zxid learned elsewhere (from another client, say): the answer is not older. */
  readonly minZxid?: number | undefined;
}

export interface VersionOptions extends CallOptions {
  /** The version the znode must have, else VERSION_MISMATCH; any by default. */
  readonly version?: number | undefined;
}

export interface ListOptions extends ReadOptions {
  /** Names per page; the server's limit (10,000) by default. */
  readonly pageSize?: number | undefined;
}

const noToken = new Uint8Array(0);
const nothing = new Uint8Array(0);

function freshness(options: ReadOptions | undefined): Freshness | undefined {
  if (options === undefined) return undefined;
  const { minZxid = 0, linearizable = false } = options;
  if (!Number.isSafeInteger(minZxid) || minZxid < 0) throw invalid("minZxid is no zxid");
  return minZxid === 0 && !linearizable ? undefined : { minZxid, linearizable };
}

/**
 * The tree of znodes. Operations are sent in the order they are called and answered in that order, many at a time:
 * those called in one turn of the event loop travel together. Data may be changed by its owner as soon as the call
 * has returned.
 *
 * Every method rejects with a {@link MusterError}. When the connection is lost, the client repeats what is unanswered
 * on the next member; within the session's life no write is applied twice.
 */
export class Znodes {
  readonly #session: SessionCore;
  readonly #encoder: OperationEncoder;

  /** @internal */
  constructor(session: SessionCore) {
    this.#session = session;
    this.#encoder = session.queue.encoder;
  }

  /** Reads data and stat; NODE_NOT_FOUND when there is no such znode. */
  get(path: string, options?: ReadOptions): Promise<ZnodeData> {
    return this.#read(operationField.get, kind.GET, path, options) as Promise<ZnodeData>;
  }

  /** Reads the stat; undefined when there is no such znode. */
  exists(path: string, options?: ReadOptions): Promise<Stat | undefined> {
    return this.#read(operationField.exists, kind.EXISTS, path, options) as Promise<Stat | undefined>;
  }

  /** Replaces the data. */
  set(path: string, data: Data, options?: VersionOptions): Promise<Changed> {
    try {
      requirePath(path);
      requireData(data, path);
      requireVersion(options?.version, path);
    } catch (error) {
      return Promise.reject(error as MusterError);
    }
    const { queue } = this.#session;
    const refusal = queue.refusal(path, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#encoder.set(queue.nextNumber, path, data, options?.version);
    return queue.issue(kind.SET, path, options) as Promise<Changed>;
  }

  /** Creates a znode, without data by default; NODE_EXISTS unless `ifAbsent`. */
  create(path: string, data: Data = nothing, options: CreateOptions & CallOptions = {}): Promise<Created> {
    if (options.acl !== undefined || options.ttlMs !== undefined) {
      const encode = () => CreateOperation.encode(wireCreate(path, data, options)).finish();
      return this.#call(operationField.create, kind.CREATE, path, encode, options) as Promise<Created>;
    }
    let mode: number;
    try {
      requirePath(path);
      requireData(data, path);
      mode = wireCreateMode(path, options);
    } catch (error) {
      return Promise.reject(error as MusterError);
    }
    const { queue } = this.#session;
    const refusal = queue.refusal(path, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#encoder.create(queue.nextNumber, path, data, mode, options.ifAbsent === true);
    return queue.issue(kind.CREATE, path, options) as Promise<Created>;
  }

  /** Deletes a childless znode. */
  delete(path: string, options?: VersionOptions): Promise<Written> {
    try {
      requirePath(path);
      requireVersion(options?.version, path);
    } catch (error) {
      return Promise.reject(error as MusterError);
    }
    const { queue } = this.#session;
    const refusal = queue.refusal(path, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#encoder.delete(queue.nextNumber, path, options?.version);
    return queue.issue(kind.DELETE, path, options) as Promise<Written>;
  }

  /** Deletes a znode and all below it, or nothing; TOO_LARGE above 10,000 znodes. */
  deleteTree(path: string, options?: CallOptions): Promise<TreeDeleted> {
    return this.#read(operationField.deleteTree, kind.DELETE_TREE, path, options) as Promise<TreeDeleted>;
  }

  /**
   * Reads all children's names, in creation order. A znode with more children than a page holds is read page by page:
   * each page is of one zxid, the whole need not be.
   */
  async list(path: string, options?: ListOptions): Promise<string[]> {
    const names: string[] = [];
    for await (const page of this.listPages(path, options)) for (const name of page.names) names.push(name);
    return names;
  }

  /** Reads the children's names page by page, in creation order; the next page is asked for when it is wanted. */
  async *listPages(path: string, options?: ListOptions): AsyncGenerator<ChildrenPage, void, undefined> {
    let pageToken: Uint8Array = noToken;
    do {
      const page: ChildrenPage = await this.#page(path, pageToken, options);
      pageToken = page.nextPageToken;
      yield page;
    } while (pageToken.length > 0);
  }

  /** Counts the znodes below a path. */
  count(path: string, options?: ReadOptions): Promise<number> {
    return this.#read(operationField.count, kind.COUNT, path, options) as Promise<number>;
  }

  /** Lists the paths of this session's own ephemeral znodes at or below a path. */
  ephemerals(path = "/", options?: ReadOptions): Promise<readonly string[]> {
    return this.#read(operationField.ephemerals, kind.EPHEMERALS, path, options) as Promise<readonly string[]>;
  }

  /** Reads who may do what with a znode, and how it was made. Without READ or ADMIN permission it is refused. */
  getAcl(path: string, options?: ReadOptions): Promise<ZnodeAcl> {
    return this.#read(operationField.getAcl, kind.GET_ACL, path, options) as Promise<ZnodeAcl>;
  }

  /** Replaces the ACL; `version` is compared with the stat's `aversion`. */
  setAcl(path: string, acl: readonly AclEntry[], options?: VersionOptions): Promise<Changed> {
    const encode = () => {
      requireVersion(options?.version, path);
      return SetAclOperation.encode({ path, acl: { entries: acl }, version: options?.version }).finish();
    };
    return this.#call(operationField.setAcl, kind.SET_ACL, path, encode, options) as Promise<Changed>;
  }

  /**
   * All operations or none, at one zxid, at most 10,000 and 4 MiB. Fails with the reason, path and `partIndex` of the
   * operation that failed.
   */
  multi<const T extends readonly MultiOperation[]>(operations: T, options?: CallOptions): Promise<MultiOutcome<T>> {
    const details: { kind: Kind; path: string }[] = [];
    const encode = () => {
      const parts = operations.map((operation) => {
        const wire = wirePart(operation);
        details.push({ kind: wire.kind, path: operation.path });
        return wire.part;
      });
      return MultiMessage.encode({ parts }).finish();
    };
    const of = kind.MULTI;
    return this.#call(operationField.multi, of, undefined, encode, options, details) as Promise<MultiOutcome<T>>;
  }

  /** Several reads, at most 1,000, all of one zxid; each has its own outcome. */
  multiRead<const T extends readonly MultiRead[]>(reads: T, options?: ReadOptions): Promise<MultiReadOutcome<T>> {
    const details: { kind: Kind; path: string }[] = [];
    const encode = () => {
      const parts = reads.map((read) => {
        const wire = wireReadPart(read);
        details.push({ kind: wire.kind, path: read.path });
        return wire.part;
      });
      return MultiReadOperation.encode({ parts }).finish();
    };
    const of = kind.MULTI_READ;
    return this.#call(operationField.multiRead, of, undefined, encode, options, details) as Promise<
      MultiReadOutcome<T>
    >;
  }

  /** A barrier: its zxid covers every write that was answered anywhere before this call. */
  sync(options?: CallOptions): Promise<Written> {
    return this.#call(operationField.sync, kind.SYNC, undefined, () => nothing, options) as Promise<Written>;
  }

  /** Watches a znode, by default with all below it. See {@link Watch}. */
  watch(path: string, options: WatchOptions = {}): Watch {
    requirePath(path);
    return this.#session.watches.add(path, options);
  }

  #page(path: string, pageToken: Uint8Array, options: ListOptions | undefined): Promise<ChildrenPage> {
    const encode = () => ListOperation.encode({ path, pageSize: options?.pageSize ?? 0, pageToken }).finish();
    return this.#call(operationField.list, kind.LIST, path, encode, options) as Promise<ChildrenPage>;
  }

  /** An operation that names a path and nothing else. */
  #read(field: OperationField, of: Kind, path: string, options: ReadOptions | undefined): Promise<unknown> {
    const { queue } = this.#session;
    let fresh: Freshness | undefined;
    try {
      requirePath(path);
      fresh = freshness(options);
    } catch (error) {
      return Promise.reject(error as MusterError);
    }
    const refusal = queue.refusal(path, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#encoder.path(queue.nextNumber, field, path, fresh);
    return queue.issue(of, path, options);
  }

  /** An operation whose message the generated codec encodes. */
  #call(
    field: OperationField,
    of: Kind,
    path: string | undefined,
    encode: () => Uint8Array,
    options: ReadOptions | undefined,
    details?: PartDetails,
  ): Promise<unknown> {
    const { queue } = this.#session;
    try {
      if (path !== undefined) requirePath(path);
      const fresh = freshness(options);
      const message = encode();
      const refusal = queue.refusal(path, options);
      if (refusal !== undefined) throw refusal;
      this.#encoder.encoded(queue.nextNumber, field, message, fresh);
    } catch (error) {
      return Promise.reject(MusterError.from(error));
    }
    return queue.issue(of, path, options, details);
  }
}
