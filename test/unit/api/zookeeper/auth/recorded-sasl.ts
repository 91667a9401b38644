/**
 * Exchanges recorded between real clients and Apache ZooKeeper 3.8.0 with SASLAuthenticationProvider: the nonce of its
 * challenge, the client's response, and the server's last token, none where it answered AuthFailed and closed.
 * kazoo is 2.8.0 with pure-sasl 0.5.1; zkCli is ZooKeeper's own, on Java 17.
 */
export interface RecordedSasl {
  readonly client: string;
  readonly user: string;
  readonly password: string;
  readonly nonce: string;
  readonly response: string;
  readonly rspauth: string | undefined;
}

/** As the server sends it, less the nonce. */
export const recordedChallenge = 'realm="zk-sasl-md5",nonce="NONCE",charset=utf-8,algorithm=md5-sess';

function kazoo(username: string, nonce: string, cnonce: string, response: string): string {
  return (
    `qop=auth,realm="zk-sasl-md5",username="${username}",nonce="${nonce}",cnonce="${cnonce}",nc=00000001,` +
    `digest-uri="zookeeper/zk-sasl-md5",response=${response}`
  );
}

function zkCli(username: string, nonce: string, cnonce: string, response: string): string {
  return (
    `charset=utf-8,username="${username}",realm="zk-sasl-md5",nonce="${nonce}",nc=00000001,cnonce="${cnonce}",` +
    `digest-uri="zookeeper/zk-sasl-md5",maxbuf=65536,response=${response},qop=auth,authzid="${username}"`
  );
}

export const recordedSasl: readonly RecordedSasl[] = [
  {
    client: "kazoo",
    user: "bob",
    password: "bobsecret",
    nonce: "cai7+Ia9Jpx38LpUq5GeOYyk0JQrVnfgu+lwZvpT",
    response: kazoo(
      "bob",
      "cai7+Ia9Jpx38LpUq5GeOYyk0JQrVnfgu+lwZvpT",
      "6802289328943204",
      "81bb8b6c001c9001c556fa82d26fcc0e",
    ),
    rspauth: "89f4dac77a26bc5a5ff41f992a076eb7",
  },
  {
    client: "kazoo, a password with quotes and backslashes",
    user: "chris",
    password: 'sec"ret,=\\x',
    nonce: "Nb+7C4uHvftGyErP/kI7J/lxlX3f+cjoGzgtcEKd",
    response: kazoo(
      "chris",
      "Nb+7C4uHvftGyErP/kI7J/lxlX3f+cjoGzgtcEKd",
      "039799979454549606",
      "d779a4e289305663e9c057bd65e67310",
    ),
    rspauth: "9f06563286924946aa3c7595dad3a61e",
  },
  {
    client: "kazoo, a password outside ISO 8859-1",
    user: "euro",
    password: "€uro",
    nonce: "FTCWgLmDsEBrsIK92tQr7Yp0w6B760LM+oy4D8K/",
    response: kazoo(
      "euro",
      "FTCWgLmDsEBrsIK92tQr7Yp0w6B760LM+oy4D8K/",
      "29158388258583023",
      "80a8095144cbcbf986a47a869eebd426",
    ),
    rspauth: "b327cd875a22c574a8db65c5490855c4",
  },
  {
    client: "kazoo, a wrong password",
    user: "bob",
    password: "bobsecret",
    nonce: "vT5dwEFG5sM9NyZwZgiExCvD9BNaWrSX+jymRyVP",
    response: kazoo(
      "bob",
      "vT5dwEFG5sM9NyZwZgiExCvD9BNaWrSX+jymRyVP",
      "4369072882381084",
      "a08b3e6e517315b08d10a496c9685628",
    ),
    rspauth: undefined,
  },
  {
    client: "zkCli",
    user: "bob",
    password: "bobsecret",
    nonce: "anN3C1coEV2y8NksMWVptXg4kdY+pPdTkcwi6qhe",
    response: zkCli(
      "bob",
      "anN3C1coEV2y8NksMWVptXg4kdY+pPdTkcwi6qhe",
      "gDeYF/6dBox6rmHcetehhliznF7Ffcul+d0j8bM2",
      "9cb374596d92cdf7e19b736813305f85",
    ),
    rspauth: "c99bdf4be106a8384bb2e16108209625",
  },
  {
    client: "zkCli, name and password in ISO 8859-1",
    user: "jürgen",
    password: "pässwört",
    nonce: "v9xp5gixRlKEBgHIQ00YoLIIWsvdXt4AdqEGdNjK",
    response: zkCli(
      "jürgen",
      "v9xp5gixRlKEBgHIQ00YoLIIWsvdXt4AdqEGdNjK",
      "PV6ThCR1kQt+GqfiglKcMihOJghZa8/oXu8M5cs+",
      "251cda985566903e12aa28f259677e3c",
    ),
    rspauth: "1a9db53a90219d00751717ff50ad168d",
  },
  {
    client: "zkCli, a wrong password",
    user: "bob",
    password: "bobsecret",
    nonce: "i7dWAi11wSYVRZIG0KGft2WWgbm1NYmFcIRlRDiU",
    response: zkCli(
      "bob",
      "i7dWAi11wSYVRZIG0KGft2WWgbm1NYmFcIRlRDiU",
      "xwBOMDfqzAv/XFB5KukAoeiYbZzTW9ravND0OcP8",
      "730e5cd515b79da9a1f7b3006ccb4391",
    ),
    rspauth: undefined,
  },
];

/** ZooKeeper refuses this one of kazoo's (name and password in ISO 8859-1, hashed in UTF-8); Muster does not. */
export const recordedUtf8Hash: RecordedSasl = {
  client: "kazoo",
  user: "jürgen",
  password: "pässwört",
  nonce: "lOuOsmrrn64uWhl3MqS1oBfXGzMqBZ+cDpt1sUXY",
  response: kazoo(
    "jürgen",
    "lOuOsmrrn64uWhl3MqS1oBfXGzMqBZ+cDpt1sUXY",
    "39816542503727503",
    "756eaeb401d45083f6ba75b752074edd",
  ),
  rspauth: undefined,
};
