/** Facts of files, as MLSD and MLST list them: RFC 3659 section 7. */
export const factNames = ['type', 'size', 'modify', 'perm', 'unique', 'UNIX.mode', 'UNIX.owner', 'UNIX.group'] as const
export type FactName = (typeof factNames)[number]
