// Bank account and payment card numbers in text, told from other long numbers by their issuers' checksums.
// It judges candidates; what is put in their place is personalData.ts's.

/** Length of an IBAN by country (SWIFT IBAN registry, release 97). */
const IBAN_LENGTH: Readonly<Record<string, number>> = {
  AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BR: 29, BY: 28, CH: 21, CR: 22, CY: 28, CZ: 24, DE: 22, DK: 18, DO: 28,
  EE: 20, EG: 29, ES: 24, FI: 18, FO: 18, FR: 27, GB: 22, GE: 22, GI: 23, GL: 18, GR: 27, GT: 28, HR: 21, HU: 28, IE: 22, IL: 23, IQ: 23, IS: 26,
  IT: 27, JO: 30, KW: 30, KZ: 20, LB: 28, LC: 32, LI: 21, LT: 20, LU: 20, LV: 21, LY: 25, MC: 27, MD: 24, ME: 22, MK: 19, MR: 27, MT: 31, MU: 30,
  NL: 18, NO: 15, PK: 24, PL: 28, PS: 29, PT: 25, QA: 29, RO: 24, RS: 22, SA: 24, SC: 31, SD: 18, SE: 24, SI: 19, SK: 24, SM: 27, ST: 25, SV: 28,
  TL: 23, TN: 24, TR: 26, UA: 29, VA: 22, VG: 24, XK: 20,
};

/** Candidates for {@link isIban}: groups of four, or no spaces at all. */
export const IBAN_CANDIDATE = /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?|[A-Z0-9]{11,28})(?![A-Za-z0-9])/g;

/** Whether `text` is an IBAN: the country's length and ISO 7064 MOD 97-10. */
export function isIban(text: string): boolean {
  const compact = text.replaceAll(" ", "");
  if (compact.length !== IBAN_LENGTH[compact.slice(0, 2)]) return false;
  let rest = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** Candidates for {@link isCardNumber}: 4-4-4-4 or 4-6-5 with one kind of separator, or 13 to 19 digits in a row. */
export const CARD_CANDIDATE = /(?<![\w.+-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5}|\d{13,19})(?![\w.-])/g;

/** What payment providers publish for tests: nobody's number. */
const TEST_CARDS = new Set([
  "4242424242424242", "4000056655665556", "5555555555554444", "2223003122003222", "5200828282828210", "5105105105105100", "378282246310005",
  "371449635398431", "6011111111111117", "6011000990139424", "30569309025904", "3056930009020004", "3566002020360505", "4012888888881881",
  "4000000000000002", "4111111111111111", "4917610000000000", "5424000000000015", "4007000000027", "4012888818888", "4222222222222",
]);

/** Whether `text` is a card number that could be somebody's: issuer's first digits, length, Luhn's checksum, no published test number. */
export function isCardNumber(text: string): boolean {
  const digits = text.replaceAll(/[ -]/g, "");
  if (TEST_CARDS.has(digits) || new Set(digits).size < 4) return false;
  const known = /^4(?:\d{12}|\d{15}|\d{18})$|^5[1-5]\d{14}$|^2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}$|^3[47]\d{13}$|^6(?:011|5\d\d)\d{12}$|^35(?:2[89]|[3-8]\d)\d{12}$|^3(?:0[0-5]|[68]\d)\d{11}$/;
  return known.test(digits) && luhn(digits);
}

/** ISO/IEC 7812-1. */
function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return sum % 10 === 0;
}
