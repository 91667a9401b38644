import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type ConnectionOptions, connect } from "node:tls";
import { describe, expect, it, type TestContext } from "vitest";
import { frameKind } from "../../../src/transport/frame-kind.ts";
import { encodeHello } from "../../../src/transport/hello.ts";
import { certifiesMember } from "../../../src/transport/member-certificate.ts";
import { startPeerTransport } from "../../../src/transport/tcp-peer-transport.ts";
import { need } from "../../integration/crash/requirements.ts";
import { CertificateFolder, hasOpenssl } from "./certificates.ts";
import { helloOf, ScriptedListener, ScriptedPeer } from "./scripted-peer.ts";
import { bytes, Recorder, TransportRig, textOf } from "./transport-rig.ts";

const present = hasOpenssl();

function folder(context: TestContext): CertificateFolder {
  need(context, "the openssl command", present);
  const made = new CertificateFolder();
  made.authority("members");
  return made;
}

describe("links with mutual TLS", () => {
  it("come up between members of one authority, named in any of three ways, and carry everything", async (context) => {
    using certificates = folder(context);
    await using rig = new TransportRig();
    const a = await rig.member(1, { tls: certificates.member(1, "members") });
    const b = await rig.member(2, { tls: certificates.member(2, "members", { names: "DNS:other,DNS:member-2" }) });
    const c = await rig.member(3, { tls: certificates.member(3, "members", { names: "", commonName: "member-3" }) });
    const peers = [a, b, c].map(({ id, transport }) => ({ id, address: transport.address }));
    for (const { transport } of [a, b, c]) transport.setPeers(peers);
    for (const { told } of [a, b, c]) await told.until(() => told.of("up").length === 2);
    const big = new Uint8Array(3_000_000).fill(9);
    a.transport.send(3, bytes("small"));
    a.transport.send(3, big);
    expect(textOf((await c.told.next("frame")).bytes)).toBe("small");
    expect(Buffer.compare((await c.told.next("frame")).bytes, big)).toBe(0);
    const opening = b.transport.openBulk(1, bytes("header"));
    const { stream } = await a.told.next("bulk");
    stream.accept();
    const sender = await opening;
    const received: string[] = [];
    const reading = (async () => {
      for await (const chunk of stream) received.push(textOf(chunk));
    })();
    await sender.write(bytes("chunk"));
    await Promise.all([sender.end(), reading]);
    expect(received).toEqual(["chunk"]);
    for (const { told } of [a, b, c]) expect(told.of("notice")).toEqual([]);
  });

  it("refuse a certificate of another authority and an expired one, and both sides say so", async (context) => {
    using certificates = folder(context);
    certificates.authority("strangers");
    await using rig = new TransportRig();
    const a = await rig.member(1, { tls: certificates.member(1, "members") });
    const tls = { ...certificates.member(2, "strangers"), ca: certificates.file("members.pem") };
    const stranger = await rig.member(2, { tls });
    stranger.transport.setPeers([{ id: 1, address: a.transport.address }]);
    const untrusted = "the certificate presented is not trusted: UNABLE_TO_VERIFY_LEAF_SIGNATURE";
    expect((await a.told.next("notice")).text).toContain(untrusted);
    expect((await stranger.told.next("notice")).text).toContain(untrusted);
    const expired = await rig.member(3, { tls: certificates.member(3, "members", { days: -1 }) });
    expired.transport.setPeers([{ id: 1, address: a.transport.address }]);
    expect((await a.told.next("notice")).text).toContain("not trusted: CERT_HAS_EXPIRED");
    expect((await expired.told.next("notice")).text).toContain("not trusted: CERT_HAS_EXPIRED");
    // The other way round: the dialler does not believe the listener.
    a.transport.setPeers([{ id: 2, address: stranger.transport.address }]);
    const subject = "member 2 at";
    await a.told.until(() => a.told.of("notice").some(({ text }) => text.includes(subject)));
    expect(a.told.of("up")).toEqual([]);
    expect(stranger.told.of("up")).toEqual([]);
  });

  it("refuse a client without a certificate, and TLS below 1.3", async (context) => {
    using certificates = folder(context);
    await using rig = new TransportRig();
    const tls = certificates.member(1, "members");
    const a = await rig.member(1, { tls });
    const port = Number(a.transport.address.split(":")[1]);
    const ca = readFileSync(tls.ca);
    const proven = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
    const dial = (options: ConnectionOptions) =>
      connect({ port, host: "127.0.0.1", ca, checkServerIdentity: () => undefined, ...options });
    const old = dial({ ...proven, maxVersion: "TLSv1.2" });
    old.on("error", () => {});
    await new Promise((resolve) => old.once("close", resolve));
    expect((await a.told.next("notice")).text).toContain("unsupported protocol");
    const bare = dial({});
    await once(bare, "secureConnect");
    using nobody = new ScriptedPeer(bare);
    nobody.say(frameKind.HELLO, encodeHello(helloOf(2, 1)));
    expect(await nobody.refusal()).toEqual({ rule: "certificate", text: "no certificate was presented" });
    expect(a.told.of("up")).toEqual([]);
  });

  it("refuse a session resumed without a certificate", async (context) => {
    using certificates = folder(context);
    await using rig = new TransportRig();
    const tls = certificates.member(1, "members");
    const a = await rig.member(1, { tls });
    const port = Number(a.transport.address.split(":")[1]);
    const options = { port, host: "127.0.0.1", ca: readFileSync(tls.ca), checkServerIdentity: () => undefined };
    const first = connect(options);
    first.on("error", () => {});
    first.resume();
    const [session] = (await once(first, "session")) as [Buffer];
    const resumed = connect({ ...options, session });
    await once(resumed, "secureConnect");
    using nobody = new ScriptedPeer(resumed);
    nobody.say(frameKind.HELLO, encodeHello(helloOf(2, 1)));
    expect(await nobody.refusal()).toEqual({ rule: "certificate", text: "no certificate was presented" });
    expect(a.told.of("up")).toEqual([]);
    first.destroy();
  });

  it("refuse a member that is not who its certificate says, as dialler and as listener", async (context) => {
    using certificates = folder(context);
    await using rig = new TransportRig();
    const a = await rig.member(1, { tls: certificates.member(1, "members") });
    const files = certificates.member(3, "members");
    const c = await rig.member(3, { tls: files });
    a.transport.setPeers([{ id: 2, address: c.transport.address }]);
    expect((await a.told.next("notice")).text).toContain("the certificate at this address is not member 2's");
    const socket = connect({
      port: Number(a.transport.address.split(":")[1]),
      host: "127.0.0.1",
      ca: readFileSync(files.ca),
      cert: readFileSync(files.cert),
      key: readFileSync(files.key),
      checkServerIdentity: () => undefined,
    });
    await once(socket, "secureConnect");
    using liar = new ScriptedPeer(socket);
    liar.say(frameKind.HELLO, encodeHello(helloOf(2, 1)));
    const text = "the certificate presented is not member 2's";
    expect(await liar.refusal()).toEqual({ rule: "certificate", text });
    expect((await a.told.next("notice")).text).toContain(text);
    expect(a.told.of("up")).toEqual([]);
  });

  it("plain and TLS do not meet, and each side says what the matter is", async (context) => {
    using certificates = folder(context);
    await using rig = new TransportRig();
    const secure = await rig.member(1, { tls: certificates.member(1, "members") });
    const plain = await rig.member(2);
    secure.transport.setPeers([{ id: 2, address: plain.transport.address }]);
    expect((await plain.told.next("notice")).text).toContain("the other side speaks TLS, and this one does not");
    await secure.told.next("notice");
    plain.transport.setPeers([{ id: 1, address: secure.transport.address }]);
    await secure.told.until(() => secure.told.of("notice").some(({ text }) => text.includes("did not prove itself")));
    expect(secure.told.of("up")).toEqual([]);
  });

  it("reload: links stay, new connections use the new certificates, unusable ones are left aside", async (context) => {
    using certificates = folder(context);
    await using rig = new TransportRig();
    const a = await rig.member(1, { tls: certificates.member(1, "members") });
    const b = await rig.member(2, { tls: certificates.member(2, "members") });
    a.transport.setPeers([{ id: 2, address: b.transport.address }]);
    await Promise.all([a.told.next("up"), b.told.next("up")]);

    // Both authorities are trusted while the members move from one to the other.
    certificates.authority("next");
    const both =
      readFileSync(certificates.file("members.pem"), "utf8") + readFileSync(certificates.file("next.pem"), "utf8");
    writeFileSync(certificates.file("members.pem"), both);
    a.transport.reloadCertificates();
    b.transport.reloadCertificates();
    certificates.member(2, "next");
    b.transport.reloadCertificates();
    expect(a.told.of("down")).toEqual([]);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const opening = from.transport.openBulk(to.id, bytes("with the new one"));
      const { stream } = await to.told.next("bulk");
      stream.accept();
      (await opening).abort("seen");
    }
    const socket = connect({
      port: Number(b.transport.address.split(":")[1]),
      host: "127.0.0.1",
      rejectUnauthorized: false,
    });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    expect(socket.getPeerX509Certificate()?.issuer).toBe("CN=next");
    socket.destroy();

    // Half a reload - a key that is not the certificate's - changes nothing.
    const own = a.transport;
    certificates.member(1, "next");
    writeFileSync(certificates.file("member-1/cert.pem"), readFileSync(certificates.file("member-2/cert.pem")));
    expect(() => own.reloadCertificates()).toThrow(expect.objectContaining({ reason: "certificates" }));
    a.transport.disconnect(2, "to meet again");
    await Promise.all([a.told.next("up"), b.told.next("up")]);
  });
});

describe("starting", () => {
  const start = (changes: object): Promise<unknown> =>
    startPeerTransport(
      { id: 1, incarnation: "i", ensembleId: "", about: bytes(""), listen: "127.0.0.1:0", ...changes },
      new Recorder(),
    );

  it("ARCHITECTURE 15: plain text beyond loopback is refused unless insecure", async () => {
    await expect(start({ listen: "0.0.0.0:0" })).rejects.toMatchObject({ reason: "insecure" });
    await using rig = new TransportRig();
    const member = await rig.member(1, { listen: "0.0.0.0:0", insecure: true });
    expect(member.transport.address).toMatch(/^0\.0\.0\.0:\d+$/);
    expect(() => member.transport.reloadCertificates()).not.toThrow();
  });

  it("with certificates any address will do", async (context) => {
    using certificates = folder(context);
    await using rig = new TransportRig();
    const tls = certificates.member(1, "members");
    expect((await rig.member(1, { listen: "0.0.0.0:0", tls })).transport.address).toMatch(/^0\.0\.0\.0:\d+$/);
  });

  it("an address that is taken or none is a clear error", async () => {
    await using listener = await ScriptedListener.start();
    await expect(start({ listen: listener.address })).rejects.toMatchObject({
      reason: "listen",
      message: `cannot listen for other members on ${listener.address}: another program listens there already`,
    });
    await expect(start({ listen: "nowhere" })).rejects.toMatchObject({ reason: "listen" });
  });

  it("certificates that are missing, not certificates, or another member's are named", async (context) => {
    using certificates = folder(context);
    const tls = certificates.member(1, "members");
    const missing = { ...tls, key: `${tls.key}.gone` };
    await expect(start({ tls: missing })).rejects.toMatchObject({
      reason: "certificates",
      message: `the key file ${tls.key}.gone cannot be read: it does not exist`,
    });
    await expect(start({ tls: { ...tls, cert: tls.key } })).rejects.toMatchObject({ reason: "certificates" });
    await expect(start({ tls, id: 2 })).rejects.toThrow("is not member 2's: it needs the alternative name URI:muster");
  });
});

describe("certifiesMember", () => {
  it("matches whole names only, and none smuggled into another", (context) => {
    using certificates = folder(context);
    const certificate = (names: string, commonName = "somebody"): X509Certificate =>
      new X509Certificate(readFileSync(certificates.member(7, "members", { names, commonName }).cert));
    expect(certifiesMember(certificate("URI:muster://member/12"), 12)).toBe(true);
    expect(certifiesMember(certificate("URI:muster://member/12"), 1)).toBe(false);
    expect(certifiesMember(certificate("URI:muster://member/1"), 12)).toBe(false);
    expect(certifiesMember(certificate("DNS:member-12.example.org"), 12)).toBe(false);
    expect(certifiesMember(certificate("DNS:member-3,URI:muster://member/12"), 12)).toBe(true);
    expect(certifiesMember(certificate("email:a@b.example,DNS:member-3"), 3)).toBe(true);
    expect(certifiesMember(certificate("URI:member-3,DNS:x"), 3)).toBe(false);
    expect(certifiesMember(certificate("", "muster://member/4"), 4)).toBe(true);
    expect(certifiesMember(certificate("", "not member-4"), 4)).toBe(false);
    // One URI whose text holds what looks like two names.
    const smuggled = "@names\n[names]\nURI.1 = a\\, URI:muster://member/1\\, b";
    const odd = certificate(smuggled);
    expect(odd.subjectAltName).toContain("URI:muster://member/1");
    expect(certifiesMember(odd, 1)).toBe(false);
  });
});
