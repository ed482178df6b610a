// AsyncAPI's official parser over the documents that are named; installed by `make asyncapi`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Parser } = createRequire(`${process.cwd()}/.tools/asyncapi/`)("@asyncapi/parser");
const severities = ["error", "warning", "information", "hint"];
let refused = 0;

for (const path of process.argv.slice(2)) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
  for (const { severity, message, path: where } of diagnostics) {
    console.log(`${path}: ${severities[severity]}: ${message} (${where.join(".")})`);
    if (severity < 2) refused += 1;
  }
  if (document === undefined) refused += 1;
  else console.log(`${path}: AsyncAPI ${document.version()}, ${document.operations().all().length} operations`);
}
process.exit(refused ? 1 : 0);
