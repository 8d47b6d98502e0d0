// Reads a document as JSON, and prints what the JSON schema of AsyncAPI 3.0 says against it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const Ajv = require("ajv").default;
const addFormats = require("ajv-formats").default;
const schema = require("@asyncapi/specs/schemas/3.0.0.json");

const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false });
addFormats(ajv);
const validate = ajv.compile(schema);
validate(JSON.parse(readFileSync(0, "utf8")));
for (const error of validate.errors ?? []) {
  console.log(`${error.instancePath || "/"} ${error.message}`);
}
