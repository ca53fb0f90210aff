// Loaded before a program: there is no koffi, as on a system that it is not made for.
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'koffi') throw Object.assign(new Error('There is no koffi.'), { code: 'MODULE_NOT_FOUND' })
    return next(specifier, context)
  },
})
