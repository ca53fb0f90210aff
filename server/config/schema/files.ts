/** Files: how they are reached, stored, counted and listed. */
import { Type } from 'typebox'
import { oneOf, record, virtualPath } from './parts.ts'

export const storage = record(
  {
    symlinks: record(
      {
        policy: oneOf(['inside', 'deny'], {
          default: 'inside',
          description:
            '`inside`: a symbolic link is followed where it leads to something below the user’s home or below one of `extraRoots`. `deny`: none is followed, wherever it leads. What may not be followed is as if it were not there.',
        }),
        extraRoots: Type.Array(
          Type.String({
            format: 'virtual-path',
            maxLength: 4096,
            description: 'A directory of the system, as an absolute path.',
          }),
          {
            maxItems: 64,
            default: [],
            description:
              'Directories outside of the home that links may lead into, such as one that several users share. What a user may do there is decided by the path of the link. Not for `deny`.',
          },
        ),
      },
      {
        default: {},
        description:
          'Symbolic links. Who has the permission `symlink` makes them by SITE SYMLINK, to what is in the own home; all others that are there were made by whoever else can write there.',
      },
    ),
  },
  { default: {}, description: 'How the files are reached.' },
)

export const uploads = record(
  {
    mode: oneOf(['direct', 'atomic'], {
      default: 'direct',
      description:
        '`direct`: an upload is written under its name, which shows the half of it until the other half comes. `atomic`: it is written beside, hidden, and takes its name when it is whole; what breaks off is kept, and the same user can go on with it (SIZE, REST, APPE). Appending to a file then copies it first.',
    }),
    durability: oneOf(['none', 'fsync'], {
      default: 'none',
      description:
        'When an upload is answered with 226: once the operating system has it (`none`; a loss of power may take the last seconds), or once the disk has it, the name included (`fsync`).',
    }),
    partialsExpireSeconds: Type.Integer({
      minimum: 60,
      maximum: 31_536_000,
      default: 86_400,
      description:
        'What an `atomic` upload that broke off has left is removed after so long, unless somebody goes on with it. In seconds.',
    }),
  },
  { default: {}, description: 'How uploads are stored.' },
)

export const quotaLimits = {
  maxBytes: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Sizes of all files together, uploads that are not whole among them. In bytes.',
    }),
  ),
  maxFiles: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Number of files, uploads that are not whole among them.',
    }),
  ),
}

export const quotas = Type.Array(
  record(
    {
      path: virtualPath('A directory below the root, as an absolute path: `/` is the root itself.'),
      ...quotaLimits,
    },
    { description: 'What there may be in one directory.' },
  ),
  {
    maxItems: 256,
    default: [],
    description:
      'Quotas of directories, with all that is below them, whoever puts it there. All that hold at a path must have room.',
  },
)
