/** Rules over several fields of an FtpUser, or over old and new, by the path of what they are about. */
import { atMostOne, exactlyOne, immutable, type Rule } from './rule.ts'
import { notRoot, previousNeedsOne } from './rules.ts'

export const ftpUserRules: Readonly<Record<string, readonly Rule[]>> = {
  spec: [
    atMostOne('passwordHash', 'passwordSecretRef', 'generatedPassword'),
    {
      rule: `[${['passwordHash', 'passwordSecretRef', 'generatedPassword', 'clientCertificate'].map(field => `has(self.${field})`).join(', ')}].exists(given, given)`,
      message:
        'must have one of `passwordHash`, `passwordSecretRef` and `generatedPassword`, or `clientCertificate`, or both',
    },
    atMostOne('role', 'permissions'),
    immutable('username', 'the home and the log go by it'),
    previousNeedsOne,
    {
      rule: "self.reclaimPolicy != 'Delete' || !has(self.home) || self.home != '/'",
      message: 'must not be `/` with `reclaimPolicy: Delete`: it is all of the server’s files',
      fieldPath: '.home',
    },
  ],
  'spec.generatedPassword': [
    {
      // Of three passwords two could count only.
      rule: '!has(self.rotateAfterSeconds) || self.rotateAfterSeconds >= self.overlapSeconds',
      message: 'must not be below `overlapSeconds`',
      fieldPath: '.rotateAfterSeconds',
    },
  ],
  'spec.previousPassword': [exactlyOne('passwordHash', 'passwordSecretRef')],
  'spec.clientCertificate': [exactlyOne('commonName', 'fingerprint')],
  'spec.paths[]': [exactlyOne('role', 'permissions')],
  'spec.folders[]': [atMostOne('role', 'permissions'), notRoot],
}
