// The floors of the house, from one table: a row may import itself and what its list names, nothing else of ours.
// `scripts/layers.mjs` runs it and fails as well when suspiciously few modules were seen.

/** @type {Record<string, { in: string, may: string[], packages?: string }>} */
const layers = {
  "core/base": { in: "src/core/base", may: [], packages: "none" },
  "core/zab": { in: "src/core/zab", may: ["core/base"], packages: "none" },
  "core/tree": { in: "src/core/tree", may: ["core/base"], packages: "none" },
  "core/member": { in: "src/core/member", may: ["core/base", "core/zab", "core/tree"], packages: "none" },
  storage: { in: "src/storage", may: ["core/base", "core/zab", "core/tree", "core/member"] },
  transport: { in: "src/transport", may: ["core/base", "core/zab", "core/tree", "core/member"] },
  runtime: {
    in: "src/runtime",
    may: ["core/base", "core/zab", "core/tree", "core/member", "storage", "transport"],
  },
  coordination: { in: "src/coordination", may: ["core/base", "core/zab", "core/tree", "core/member", "runtime"] },
  products: { in: "src/products", may: ["core/base", "core/tree", "coordination"] },
  "api/grpc": { in: "src/api/grpc", may: ["core/base", "core/tree", "coordination", "products"] },
  "api/http": { in: "src/api/http", may: ["core/base", "core/tree", "coordination", "products"] },
  "api/zookeeper": { in: "src/api/zookeeper", may: ["core/base", "core/tree", "coordination", "products"] },
  server: {
    in: "src/server",
    may: [
      "core/base",
      "core/zab",
      "core/tree",
      "core/member",
      "storage",
      "transport",
      "runtime",
      "coordination",
      "products",
      "api/grpc",
      "api/http",
      "api/zookeeper",
    ],
  },
  cli: { in: "src/cli", may: ["core/base", "storage", "server", "sdk"] },
  // As `@muster/client` the SDK is met where it is built to.
  sdk: { in: "sdk/typescript/(src|dist)", may: [] },
  // Of the server it sees `muster/testing`, which is met where it is built to.
  testing: { in: "sdk/testing/src", may: [] },
};

/** The tree's vocabulary: plain data and constants, which the floors above may use; the rest are its internals. */
const treeWords = "^src/core/tree/(operation|stat|answer|watch-event)[.]ts$";

/** Where users' content is parsed: in the worker's own files, which nothing else imports. */
const contentWorker = "^src/products/floor/workers/content/";

/** What parses; one that joins belongs here. */
const parsers = [
  "ajv",
  "ajv-formats",
  "jsonc-parser",
  "properties-file",
  "re2js",
  "saxes",
  "smol-toml",
  "yaml",
  "yauzl",
];

const within = (folder) => `^${folder}/`;

const floorRules = Object.entries(layers).map(([name, { in: folder, may }]) => ({
  name: `${name} imports only ${may.length === 0 ? "itself" : may.join(", ")}`,
  severity: "error",
  from: { path: within(folder) },
  to: {
    path: "^(src|sdk)/",
    pathNot: [folder, ...may.map((other) => layers[other].in)].map(within),
  },
}));

const packageRules = Object.entries(layers)
  .filter(([, { packages }]) => packages === "none")
  .map(([name, { in: folder }]) => ({
    name: `${name} uses no package and nothing of Node`,
    severity: "error",
    from: { path: within(folder) },
    to: { dependencyTypesNot: ["local"], pathNot: "^(src|sdk)/" },
  }));

module.exports = {
  forbidden: [
    ...floorRules,
    ...packageRules,
    {
      name: "every file of src stands on a floor of the table",
      severity: "error",
      from: { path: "^src/", pathNot: Object.values(layers).map((layer) => within(layer.in)) },
      to: {},
    },
    {
      name: "products do not import each other, only products/floor",
      severity: "error",
      from: { path: "^src/products/([^/]+)/" },
      to: { path: "^src/products/", pathNot: ["^src/products/$1/", "^src/products/floor/"] },
    },
    {
      name: "above the port, the tree is known by its vocabulary",
      severity: "error",
      from: { path: "^src/(products|api)/" },
      to: { path: "^src/core/tree/", pathNot: treeWords },
    },
    {
      name: "products and doors see the port, not its local implementation",
      severity: "error",
      from: { path: "^src/(products|api)/" },
      to: { path: "^src/coordination/local" },
    },
    {
      name: "the port stays narrow",
      severity: "error",
      from: { path: "^src/coordination/port[.]ts$" },
      to: { path: "^src/", pathNot: ["^src/core/base/", treeWords] },
    },
    {
      name: "of storage, the command line uses the offline check",
      severity: "error",
      from: { path: "^src/cli/" },
      to: { path: "^src/storage/", pathNot: "^src/storage/(verify|data-dir)" },
    },
    {
      name: "SQLite stays in storage",
      severity: "error",
      from: { path: "^(src|sdk)/", pathNot: "^src/storage/" },
      to: { path: "node_modules/better-sqlite3/" },
    },
    {
      name: "products.md 4: only the content worker has parsers; the server reads its own files with one",
      severity: "error",
      from: { path: "^(src|sdk)/", pathNot: [contentWorker, "^src/server/(options-sources|auth-file)[.]ts$"] },
      to: { path: parsers.map((name) => `node_modules/${name}/`) },
    },
    {
      name: "products.md 4: what parses users' content runs in its worker only",
      severity: "error",
      from: { path: "^(src|sdk)/", pathNot: contentWorker },
      to: { path: contentWorker },
    },
    { name: "no cycle", severity: "error", from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: ["node_modules", "^sdk/typescript/dist/", "^dist/"] },
    // Type-only imports are dependencies too: a type from above would be knowledge of above.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "src/tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["types", "import", "default"] },
  },
};
