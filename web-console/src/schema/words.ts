// Faults and schemas in words. Reactive in the language.
import { t, tMaybe } from '$lib/i18n';
import type { Fault } from './validate';
import type { Shape } from './resolve';

export function faultText(fault: Fault): string {
  if (fault.code === 'type') {
    const names = (fault.vars['type'] ?? '').split('|').map(typeName);
    return t('schema.fault.type', { type: names.join(t('schema.or')) });
  }
  return t(`schema.fault.${fault.code}`, fault.vars);
}

export function typeName(type: string): string {
  return tMaybe(`schema.type.${type}`, type);
}

/** What a place takes: `whole number, from 1 to 10`. */
export function constraintText(shape: Shape): string {
  const { schema, kind } = shape;
  const parts: string[] = [];
  const has = (key: string) => typeof schema[key] === 'number' || typeof schema[key] === 'bigint';
  const show = (key: string) => String(schema[key]);
  if (kind.kind === 'digits') parts.push(t('schema.type.digits'));
  else if (kind.kind === 'number') parts.push(typeName(kind.whole ? 'integer' : 'number'));
  else if (kind.kind === 'array') parts.push(typeName(kind.kind));
  if (has('minimum') && has('maximum')) parts.push(t('schema.range', { min: show('minimum'), max: show('maximum') }));
  else if (has('minimum')) parts.push(t('schema.at_least', { min: show('minimum') }));
  else if (has('maximum')) parts.push(t('schema.at_most', { max: show('maximum') }));
  if (has('exclusiveMinimum')) parts.push(t('schema.above', { min: show('exclusiveMinimum') }));
  if (has('exclusiveMaximum')) parts.push(t('schema.below', { max: show('exclusiveMaximum') }));
  if (has('multipleOf')) parts.push(t('schema.multiple', { step: show('multipleOf') }));
  if (has('minLength') && schema['minLength'] === schema['maxLength']) parts.push(t('schema.length', { n: show('minLength') }));
  else {
    if (has('minLength')) parts.push(t('schema.length_min', { n: show('minLength') }));
    if (has('maxLength')) parts.push(t('schema.length_max', { n: show('maxLength') }));
  }
  return parts.join(', ');
}
