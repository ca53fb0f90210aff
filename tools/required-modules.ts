/**
 * Has some of Node's modules required in place of imported. An import of one reads all that it exports, and with `http` that is what
 * loads all of `fetch`, with `crypto` all of Web Crypto: a tenth of a second at each start, and several megabytes.
 */
import type { Plugin } from 'esbuild'

export const requiredModules: Plugin = {
  name: 'required-modules',
  setup(build) {
    build.onResolve({ filter: /^(node:)?(http|https|crypto)$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'required' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
      loader: 'js',
    }))
  },
}
