/** A rule in the language of the API server (CEL), and those of which there are many. */
/** As `x-kubernetes-validations` has it. The message says what must be; `fieldPath` names a field below the path. */
export type Rule = {
  readonly rule: string
  readonly message: string
  readonly fieldPath?: string
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired'
}

export function exactlyOne(...fields: readonly string[]): Rule {
  return {
    rule: `[${fields.map(field => `has(self.${field})`).join(', ')}].exists_one(given, given)`,
    message: `must have exactly one of ${enumerate(fields)}`,
  }
}

export function atMostOne(...fields: readonly string[]): Rule {
  return {
    rule: `[${fields.map(field => `has(self.${field})`).join(', ')}].filter(given, given).size() <= 1`,
    message: `must have at most one of ${enumerate(fields)}`,
  }
}

export function immutable(field: string, why: string): Rule {
  return {
    rule: unchanged(field),
    message: `may not be changed: ${why}`,
    fieldPath: `.${field}`,
    reason: 'FieldValueForbidden',
  }
}

function enumerate(fields: readonly string[]): string {
  const quoted = fields.map(field => `\`${field}\``)
  return `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
}

export function unchanged(field: string): string {
  return `(has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field}))`
}

/** What the pattern of a host name can't say; `auto` and `pending` mean something else to the server. */
export function advertisedAddress(): Rule {
  return {
    rule: "isIP(self) || !(self in ['auto', 'pending']) && !self.matches('(^|[.])[0-9]+[.]?$')",
    message: 'must be `Auto`, `ClusterIP`, an IPv4 address or a host name',
  }
}

/** A selector without conditions selects everything there is. */
export function selective(objects: string): Rule {
  return {
    rule: '(has(self.matchLabels) && self.matchLabels.size() > 0) || (has(self.matchExpressions) && self.matchExpressions.size() > 0)',
    message: `must have \`matchLabels\` or \`matchExpressions\`: without them it would select all ${objects}`,
  }
}

export function cidr(): Rule {
  return { rule: 'isCIDR(self)', message: 'must be a network in CIDR notation, such as `10.0.0.0/8`' }
}
