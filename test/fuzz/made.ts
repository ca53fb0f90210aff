/** Inputs that are nearly right, of pieces. */
import fc from 'fast-check'

/** Pieces in any order and number. */
export const made = (maxLength: number, ...pieces: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...pieces) }, fc.string({ unit: 'binary-ascii', maxLength: 3 })),
      { maxLength },
    )
    .map(parts => parts.join(''))
