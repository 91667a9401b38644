import type { ChildProcess } from "node:child_process";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { connect, EnsembleAdmin, MusterError, type TlsOptions } from "@muster/client";
import { afterEach, beforeEach, describe, expect, onTestFinished, type TestContext, test } from "vitest";
import type { TlsFiles } from "../../../src/transport/tls-material.ts";
import { checkout, readCheckout } from "../../support/checkout.ts";
import { CertificateFolder, hasOpenssl } from "../../unit/transport/certificates.ts";
import { need } from "../crash/requirements.ts";
import { MusterHome, outcomeOf, readyOf } from "./muster-process.ts";

const present = hasOpenssl();
let home: MusterHome;
let certificates: CertificateFolder;
beforeEach(() => {
  home = new MusterHome();
  certificates = new CertificateFolder();
});
afterEach(async () => {
  await home.dispose();
  certificates[Symbol.dispose]();
});

/** What a certificate of the doors has to be for, 0.0.0.0 because that is what this member tells its clients. */
const DOORS = { names: "IP:127.0.0.1,IP:0.0.0.0,DNS:localhost" };

interface Secured {
  readonly child: ChildProcess;
  /** Where it serves gRPC and HTTP. */
  readonly endpoint: string;
  readonly url: string;
  log(): string;
  /** Resolves once the log, from `since` on, says so. */
  says(text: string, since?: number): Promise<void>;
  hangUp(says: string): Promise<void>;
}

/** A member that other machines could reach, with TLS at its doors. */
async function start(doors: TlsFiles, args: readonly string[] = []): Promise<Secured> {
  const listen = ["--grpc-listen", "0.0.0.0:0", "--http-listen", "0.0.0.0:0", "--data-dir", "data"];
  const tls = ["--tls-cert", doors.cert, "--tls-key", doors.key];
  const child = home.start(["server", ...listen, ...tls, ...args]);
  let log = "";
  (child.stderr as Readable).on("data", (chunk) => {
    log += String(chunk);
  });
  const ready = await readyOf(child);
  const here = (address: string): string => address.replace("0.0.0.0", "127.0.0.1");
  const says = (text: string, since = 0): Promise<void> =>
    expect.poll(() => log.slice(since), { timeout: 30_000 }).toContain(text);
  return {
    child,
    endpoint: here(ready.grpc),
    url: `https://${here(ready.http)}`,
    log: () => log,
    says,
    hangUp: async (text) => {
      const before = log.length;
      child.kill("SIGHUP");
      await says(text, before);
    },
  };
}

function authority(context: TestContext, name: string): void {
  need(context, "the openssl command", present);
  certificates.authority(name);
}

function pem(file: string): string {
  return readFileSync(file, "utf8");
}

/** Why a client cannot connect. */
async function refusal(endpoints: string, options: { token?: string; tls?: TlsOptions } = {}): Promise<MusterError> {
  try {
    const client = await connect({ endpoints, connectTimeoutMs: 2_000, ...options });
    await client.close();
  } catch (error) {
    if (error instanceof MusterError) return error;
    throw error;
  }
  throw new Error("it was let in");
}

async function status(url: string, ca: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { ca, headers, agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    }).on("error", reject);
  });
}

/** Does what the SDK's snippet in the guide does, with what is so here in place of its names. */
async function followTheGuide(endpoint: string, ca: string, token: string) {
  const snippet = /```ts\n([\s\S]*?)```/.exec(readCheckout("docs/security.md"))?.[1] ?? "";
  const tokenFile = join(home.directory, "token");
  writeFileSync(tokenFile, `${token}\n`);
  const here: readonly (readonly [string, string])[] = [
    ["@muster/client", pathToFileURL(join(checkout, "sdk/typescript/dist/index.js")).href],
    ["m1.example.org:7400,m2.example.org:7400", endpoint],
    ["/etc/muster/ca.pem", ca],
    ["/run/secrets/muster-token", tokenFile],
  ];
  let script = snippet;
  for (const [said, is] of here) {
    expect(script).toContain(said);
    script = script.replace(said, is);
  }
  const use = `
    const { path } = await client.znodes.create("/app", "hello");
    console.log(Buffer.from((await client.znodes.get(path)).data).toString());
    await client.close();`;
  const file = join(home.directory, "guide.mjs");
  writeFileSync(file, `${script}${use}\n`);
  const child = home.start([], {}, file);
  const { code, stdout, stderr } = await outcomeOf(child);
  return { code, stdout: stdout.toString(), stderr };
}

describe("products.md 1: a member that other machines can reach", () => {
  test("is refused without TLS, with the option and the fix", async () => {
    const { code, stderr } = await home.run(["server", "--grpc-listen", "0.0.0.0:0"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--grpc-listen");
    expect(stderr).toContain("give --tls-cert and --tls-key");
  });

  test("asks everybody who they are, from the first token on to its end", async (context) => {
    authority(context, "ca");
    const { ca: caFile, ...doors } = certificates.member(1, "ca", DOORS);
    const member = await start({ ca: caFile, ...doors });
    const { endpoint } = member;
    const tls = { ca: pem(caFile) };

    await member.says("the ensemble's first token is in this file");
    const tokenFile = join(home.directory, "data", "admin-token");
    const admin = pem(tokenFile).trim();
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
    expect(member.log()).not.toContain(admin.slice(-43));

    const flags = ["--endpoints", endpoint, "--ca", caFile];
    const nobody = await home.run(["znode", "ls", "/", ...flags]);
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("UNAUTHENTICATED")]);
    const plain = await home.run(["znode", "ls", "/", "--endpoints", endpoint, "--timeout", "2s"]);
    expect([plain.code, plain.stderr]).toEqual([3, expect.stringContaining("name its authority with --ca")]);

    const create = ["token", "create", "app", "--verbs", "read,edit", ...flags];
    const made = await home.run([...create, "--token-file", tokenFile]);
    expect([made.code, made.stderr]).toEqual([0, expect.stringContaining("not shown again")]);
    const token = made.stdout.toString().trim();
    const id = token.split("_")[1] as string;

    expect(await followTheGuide(endpoint, caFile, token)).toEqual({ code: 0, stdout: "hello\n", stderr: "" });

    const client = await connect({ endpoints: endpoint, token, tls, sessionTimeoutMs: 2_000 });
    onTestFinished(() => client.close());
    await client.znodes.set("/app", "hello again");
    const denied = (call: Promise<unknown>) => expect(call).rejects.toMatchObject({ reason: "NO_PERMISSION" });
    await denied(client.znodes.get(`/muster/auth/tokens/${id}`));
    await denied(client.znodes.deleteTree("/muster"));
    await denied(new EnsembleAdmin({ endpoints: endpoint, token, tls }).transferLeadership());
    expect((await client.status()).memberId).toBe(1);
    expect(await status(`${member.url}/healthz`, tls.ca)).toBe(200);
    expect(await status(`${member.url}/metrics`, tls.ca)).toBe(401);
    expect(await status(`${member.url}/metrics`, tls.ca, { authorization: `Bearer ${token}` })).toBe(200);

    const env = { MUSTER_TOKEN: admin, MUSTER_CA: caFile, MUSTER_ENDPOINTS: endpoint };
    const listed = await home.run(["token", "ls", "-o", "json"], env);
    expect(JSON.parse(listed.stdout.toString())).toMatchObject([
      { name: "admin" },
      { id, name: "app", createdBy: "admin" },
    ]);
    expect(listed.stdout.toString()).not.toContain(token.slice(-43));
    expect((await home.run(["token", "revoke", id], env)).code).toBe(0);
    expect(await refusal(endpoint, { token, tls })).toMatchObject({ reason: "UNAUTHENTICATED" });
    // What was open by it ends, too, and finds nobody who lets it in again.
    await expect
      .poll(
        () =>
          client.znodes.get("/app").then(
            () => "served",
            (error: MusterError) => error.reason,
          ),
        { timeout: 30_000 },
      )
      .toMatch(/UNAUTHENTICATED|TOO_MANY_FAILURES|CLIENT_CLOSED/);
    expect((await home.run(["token", "revoke", id], env)).stderr).toContain("TOKEN_UNKNOWN");
  });

  test("makes whoever tries wrong tokens wait, and nobody else", async (context) => {
    authority(context, "ca");
    const doors = certificates.member(1, "ca", DOORS);
    const member = await start(doors);
    await member.says("the ensemble's first token is in this file");
    const admin = pem(join(home.directory, "data", "admin-token")).trim();
    const tls = { ca: pem(doors.ca) };
    const wrong = `muster_0123456789abcdef_${"x".repeat(43)}`;
    const reasons: string[] = [];
    for (let i = 0; i < 6; i++) reasons.push((await refusal(member.endpoint, { token: wrong, tls })).reason);
    expect(reasons.slice(0, 4)).toEqual(Array(4).fill("UNAUTHENTICATED"));
    expect(reasons.at(-1)).toBe("TOO_MANY_FAILURES");
    const client = await connect({ endpoints: member.endpoint, token: admin, tls });
    await client.close();
    expect(member.log()).not.toContain("x".repeat(43));
  });
});

describe("products.md 1: what is read again at SIGHUP", () => {
  test("certificates and the file of principals, and what cannot be used changes nothing", async (context) => {
    authority(context, "ca");
    const doors = certificates.member(1, "ca", DOORS);
    const ops = certificates.member(2, "ca", { commonName: "ops", names: "" });
    const offline = async (name: string): Promise<{ token: string; entry: string }> => {
      const { stdout, stderr } = await home.run(["token", "create", name, "--verbs", "read,edit", "--offline"]);
      const entry = stderr
        .split("\n")
        .filter((line) => line.startsWith("  "))
        .join("\n");
      return { token: stdout.toString().trim(), entry };
    };
    const [one, other] = [await offline("one"), await offline("other")];
    const file = join(home.directory, "principals.yaml");
    const list = (...entries: readonly string[]) => writeFileSync(file, `principals:\n${entries.join("\n")}\n`);
    list(one.entry, '  - name: ops\n    certificate: "CN=ops"\n    verbs: [read, operate]');
    const member = await start(doors, ["--auth-file", file, "--tls-client-ca", doors.ca]);
    const { endpoint } = member;
    const tls = { ca: pem(doors.ca) };

    const client = await connect({ endpoints: endpoint, token: one.token, tls });
    await client.close();
    expect(await refusal(endpoint, { token: other.token, tls })).toMatchObject({ reason: "UNAUTHENTICATED" });
    const asOps = { ...tls, cert: pem(ops.cert), key: pem(ops.key) };
    const operator = await connect({ endpoints: endpoint, tls: asOps });
    await expect(operator.znodes.create("/x")).rejects.toMatchObject({ reason: "NO_PERMISSION" });
    await operator.close();

    list(other.entry);
    certificates.authority("next");
    copyFileSync(doors.cert, `${doors.cert}.before`);
    certificates.member(1, "next", DOORS);
    await member.hangUp("the certificates of the gRPC and HTTP doors read again");
    expect(member.log()).toContain("the principals were read again");
    const next = { ca: pem(certificates.file("next.pem")) };
    const changed = await connect({ endpoints: endpoint, token: other.token, tls: next });
    await changed.close();
    expect(await status(`${member.url}/healthz`, next.ca)).toBe(200);
    expect((await refusal(endpoint, { token: other.token, tls })).message).toContain(
      "an authority that is not trusted",
    );
    expect(await refusal(endpoint, { token: one.token, tls: next })).toMatchObject({ reason: "UNAUTHENTICATED" });

    writeFileSync(file, "principals: 7\n");
    copyFileSync(`${doors.cert}.before`, doors.cert);
    await member.hangUp("the certificates of the gRPC and HTTP doors stay as they were");
    expect(member.log()).toContain("the principals stay as they were");
    const kept = await connect({ endpoints: endpoint, token: other.token, tls: next });
    await kept.close();
  });
});
