// Letters of other scripts that look like Latin ones. Source: the visual shapes in Unicode's charts, cf. UTS 39 (confusables);
// only those that print the same in common fonts, lower and upper case. One letter stands for one letter, so offsets stay.

const GREEK_AND_CYRILLIC: readonly (readonly [latin: string, alike: string])[] = [
  ["a", "аα"], ["b", "Ьƅ"], ["c", "сϲ"], ["d", "ԁ"], ["e", "еє"], ["g", "ց"], ["h", "һհ"], ["i", "іιı"], ["j", "јϳ"], ["k", "κк"], ["l", "ӏǀ"], ["m", "м"], ["n", "ոп"], ["o", "оοօσ"],
  ["p", "рρ"], ["q", "ԛզ"], ["r", "гг"], ["s", "ѕ"], ["t", "тτ"], ["u", "υսц"], ["v", "νѵ"], ["w", "ԝωѡ"], ["x", "хχ"], ["y", "уүγ"], ["z", "ᴢ"],
  ["A", "АΑᎪ"], ["B", "ВΒᏴ"], ["C", "СϹᏟ"], ["D", "Ꭰ"], ["E", "ЕΕᎬ"], ["G", "Ԍ"], ["H", "НΗᎻ"], ["I", "ІΙӀ"], ["J", "ЈᎫ"], ["K", "КΚ"], ["L", "ᏞԼ"], ["M", "МΜᎷ"], ["N", "Ν"], ["O", "ОΟՕ"],
  ["P", "РΡᏢ"], ["R", "ᎡᏒ"], ["S", "ЅՏᏚ"], ["T", "ТΤᎢ"], ["U", "Ս"], ["V", "ѴᏙ"], ["W", "ᎳԜ"], ["X", "ХΧ"], ["Y", "УΥҮ"], ["Z", "ΖᏃ"],
];

export const HOMOGLYPHS: ReadonlyMap<string, string> = new Map(GREEK_AND_CYRILLIC.flatMap(([latin, alike]) => Array.from(alike, (letter) => [letter, latin] as const)));
