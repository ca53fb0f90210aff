/** Puts the code of the compiled schemas into a bundle, in place of the compiler and the compiling (server/config/schema-checks.ts). */
import { join } from 'node:path'
import { _, Ajv } from 'ajv'
import standalone from 'ajv/dist/standalone/index.js'
import type { Plugin } from 'esbuild'
import { checkedSchemas, compilerOptions } from '../server/config/checked-schemas.ts'

export const compiledSchemas: Plugin = {
  name: 'compiled-schemas',
  setup(build) {
    build.onLoad({ filter: /\/server\/config\/schema-checks\.ts$/ }, ({ path }) => ({
      contents: compiledCode(),
      resolveDir: join(path, '..'),
      loader: 'js',
    }))
  },
}

/** The source of a module with the same exports. */
export function compiledCode(): string {
  const compiler = new Ajv({
    ...compilerOptions,
    code: { source: true, esm: true, formats: _`require("./formats.ts").formatChecks` },
  })
  const names = Object.keys(checkedSchemas)
  for (const [name, schema] of Object.entries(checkedSchemas)) compiler.addSchema(schema, name)
  const code = standalone.default(compiler, Object.fromEntries(names.map(name => [name, name])))
  return `${code}\nexport const schemaChecks = { ${names.join(', ')} }\n`
}
