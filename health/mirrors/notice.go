package mirrors

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// longestPhrase is how much text is kept for a phrase that goes on behind a tag.
const longestPhrase = 160

// noticePhrases are the words that announce addresses, a language and a phrase in a
// line. They are compared after folding.
const noticePhrases = `
en: can also be accessed at
en: can also be reached at
en: can also be read at
en: is also available at the following
en: also available at these addresses
en: alternate address
en: alternative address
en: alternate domain
en: alternative domain
en: alternate url
en: our mirror sites
en: mirrors of this site
en: mirror sites of this
en: other addresses of this site
en: if this site is blocked
en: if this website is blocked
en: if our website is blocked
fa: نشانی های جایگزین
fa: آدرس های جایگزین
fa: نشانی جایگزین
fa: آدرس جایگزین
fa: آدرس های دیگر این سایت
fa: از طریق نشانی های زیر
fa: از طریق آدرس های زیر
fa: در این نشانی ها نیز در دسترس
fa: اگر این سایت فیلتر است
fa: سایت های آینه
ar: العناوين البديلة
ar: عناوين بديلة
ar: الروابط البديلة
ar: روابط بديلة
ar: المواقع البديلة
ar: مواقع بديلة
ar: الوصول إلى هذا الموقع أيضا
ar: الوصول إلى الموقع أيضا
ar: عبر العناوين التالية
ar: إذا كان الموقع محجوبا
ru: альтернативные адреса
ru: альтернативным адресам
ru: альтернативный адрес
ru: зеркала сайта
ru: зеркало сайта
ru: зеркала нашего сайта
ru: наши зеркала
ru: сайт также доступен
ru: также доступен по адрес
ru: если сайт заблокирован
ru: если сайт не открывается
zh: 备用网址
zh: 备用地址
zh: 备用域名
zh: 镜像网站
zh: 镜像站
zh: 也可以通过以下
zh: 也可通过以下
zh: 備用網址
zh: 備用地址
zh: 鏡像網站
zh: 鏡像站
zh: 也可以透過以下
tr: alternatif adresler
tr: alternatif adresi
tr: yedek adresler
tr: yedek adresi
tr: ayna site
tr: adreslerden de ulaşabilirsiniz
tr: adreslerden de erişebilirsiniz
tr: site engellendiyse
es: direcciones alternativas
es: dirección alternativa
es: también se puede acceder
es: también está disponible en las siguientes
es: sitios espejo
es: páginas espejo
es: si este sitio está bloqueado
fr: adresses alternatives
fr: adresse alternative
fr: adresses de secours
fr: est également accessible
fr: sites miroirs
fr: site miroir
fr: si ce site est bloqué
de: alternative adressen
de: auch erreichbar unter
de: spiegelseiten
pt: outros endereços deste site
pt: sites espelho
uk: дзеркала сайту
uk: альтернативні адреси
be: люстэркі сайта
vi: địa chỉ thay thế
`

// phrases are the phrases of the list, folded.
func phrases() [][]byte {
	var all [][]byte
	for line := range strings.Lines(noticePhrases) {
		if _, phrase, found := strings.Cut(strings.TrimSpace(line), ": "); found {
			all = append(all, bytes.TrimSpace(appendFolded(nil, []byte(phrase))))
		}
	}
	return all
}

// appendFolded appends text in lower case, without accents, with one form of each
// Arabic letter and in single spaces.
func appendFolded(dst, text []byte) []byte {
	for len(text) > 0 {
		r, size := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text)
		}
		switch {
		case unicode.IsSpace(r), r == '\u200c': // the non-joiner of Persian is typed as a space as often as not
			if len(dst) > 0 && dst[len(dst)-1] != ' ' {
				dst = append(dst, ' ')
			}
		case r < utf8.RuneSelf:
			dst = append(dst, byte(unicode.ToLower(r)))
		default:
			dst = appendPlain(dst, text[:size])
		}
		text = text[size:]
	}
	return dst
}

// appendPlain appends one letter without its accents.
func appendPlain(dst, letter []byte) []byte {
	var buffer [64]byte
	for _, r := range string(norm.NFKD.Append(buffer[:0], letter...)) {
		switch r = unicode.ToLower(r); {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r), r == 'ـ':
			continue // accents, vowel signs, joiners, kashida
		case r == 'ي', r == 'ى':
			r = 'ی'
		case r == 'ك':
			r = 'ک'
		case r == 'ة':
			r = 'ه'
		case r == 'ı':
			r = 'i'
		case r == '’', r == '‘':
			r = '\''
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// addressesIn are what may be addresses in a text: with a scheme, or a bare name of
// a host in one case.
func addressesIn(text string) []string {
	var all []string
	for word := range strings.FieldsFuncSeq(text, parts) {
		for word = strings.TrimLeftFunc(word, dense); word != ""; word = strings.TrimLeftFunc(word, dense) {
			part := beforeDense(word)
			word = word[len(part):]
			part = strings.Trim(part, ".:!?'/-")
			switch {
			case len(all) >= MaxCandidates:
				return all
			case absolute(part), isBareHost(part):
				all = append(all, part)
			}
		}
	}
	return all
}

// parts reports whether a letter stands between addresses.
func parts(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`"<>()[]{}|,;«»“”„‹›،؛，。；、：（）「」【】`, r)
}

// dense reports whether a letter is of a script that sets no spaces between words.
func dense(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}

// beforeDense is a word up to the text that goes on behind an address without a
// space: behind a host that has its dot, and not at the beginning of a label.
func beforeDense(word string) string {
	dot := false
	var before rune
	for i, r := range word {
		if dense(r) && dot && before < utf8.RuneSelf && before != '.' {
			return word[:i]
		}
		dot = dot || r == '.'
		before = r
	}
	return word
}

// isBareHost reports whether a word can only be meant as a host's name: in one
// case, with a last label of letters, and no mail address.
func isBareHost(word string) bool {
	host, _, _ := strings.Cut(word, "/")
	dot := strings.LastIndexByte(host, '.')
	if dot <= 0 || strings.ContainsAny(host, "@:=?&%_") || host != strings.ToLower(host) && host != strings.ToUpper(host) {
		return false
	}
	last := host[dot+1:]
	if utf8.RuneCountInString(last) < 2 {
		return false
	}
	for _, r := range last {
		if !unicode.IsLetter(r) && !strings.HasPrefix(strings.ToLower(last), "xn--") {
			return false
		}
	}
	return true
}
