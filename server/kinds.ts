/**
 * Kinds of objects that are made for one transfer or listing, and are gone after it. What V8 has compiled for a kind (its hidden class) lasts only
 * as long as there is an object of it, and whoever collects at rest finds none: so there is a blank one of each, that stands for nobody's.
 */
const makers: (() => unknown)[] = []
const blanks: { made: readonly unknown[] } = { made: [] }

/** For the modules that have such objects. What is made holds nothing that has to be closed or kept secret. */
export function keepKind(make: () => unknown): void {
  makers.push(make)
}

/** To be called at the start, so that nothing that is compiled later holds only without them, and before each collection: a kind changes with what its objects have had in them. */
export function makeBlanks(): void {
  blanks.made = makers.map(make => make())
}
