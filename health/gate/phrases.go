package gate

// Each line is a language and a phrase. The lists come in pairs: what only a
// notice says, to the reader whom it stops, and what a report on one says, too.
const (
	seizedPhrases = `
de: diese domain wurde beschlagnahmt
de: diese webseite wurde beschlagnahmt
ar: تمت مصادرة هذا الموقع
ar: تمت مصادرة هذا النطاق
en: this domain has been seized
en: domain name has been seized
en: this website has been seized
en: this site has been taken down by
fr: ce domaine a été saisi
fr: ce site a été saisi
es: este dominio ha sido incautado
es: este sitio ha sido incautado
es: dominio incautado
it: dominio sequestrato
it: sito sottoposto a sequestro
ru: домен изъят
ru: сайт изъят
ar: تم حجز هذا الموقع
fa: این دامنه توقیف شد
tr: bu alan adına el konulmuştur
zh: 该域名已被查封
zh: 域名已被依法扣押
zh: 该网站已被查封
`
	authorityPhrases = `
ru: конфискован по решению
de: wurde beschlagnahmt
en: has been seized pursuant to
tr: el konulmuştur
ar: تمت مصادرة
fa: توقیف شده است
nl: in beslag genomen door
en: has been confiscated
en: has been seized by
en: law enforcement
en: department of justice
en: federal bureau of investigation
en: cybercrime unit
en: seizure warrant
en: court order
en: europol
de: staatsanwaltschaft
fr: gendarmerie nationale
fr: ministère de l'intérieur
es: guardia civil
es: policía nacional
it: guardia di finanza
it: polizia postale
ru: прокуратур
ru: министерство внутренних дел
ar: النيابة العامة
fa: دادستان
tr: cumhuriyet başsavcılığı
zh: 公安机关
zh: 公安局
`
	parkedPhrases = `
en: this domain is for sale
en: this domain name is for sale
en: domain may be for sale
en: buy this domain
en: make an offer on this domain
en: this domain has expired
en: domain name has expired
en: this domain is parked
en: domain is parked
en: this web page is parked
en: parked free
en: the domain has been registered
en: inquire about this domain
en: domain registration has expired
de: diese domain steht zum verkauf
de: diese domain kaufen
fr: ce domaine est à vendre
fr: ce nom de domaine est à vendre
fr: nom de domaine a expiré
es: este dominio está en venta
es: el dominio está en venta
es: dominio ha caducado
pt: este domínio está à venda
it: questo dominio è in vendita
ru: домен продаётся
ru: срок регистрации домена истек
ru: домен припаркован
tr: bu alan adı satılık
tr: alan adının süresi dolmuş
ar: هذا النطاق معروض للبيع
ar: هذا الدومين للبيع
fa: این دامنه برای فروش
fa: این دامنه به فروش می رسد
zh: 该域名出售
zh: 此域名正在出售
zh: 本域名可转让
zh: 域名已过期
ja: このドメインは売り出し中
`
	salePhrases = `
en: future home of
en: may be for sale
en: related searches
en: sponsored listings
en: domain broker
en: domain owner
en: renew this domain
en: renew your domain
en: registrar
`
	blockPhrases = `
es: contenido bloqueado por requerimiento
en: access to this site has been blocked
en: access to this website has been blocked
en: access to this page has been blocked
en: access to the requested
en: access to this website is restricted
en: access to this site is restricted
en: this website has been blocked
en: this site has been blocked
en: this site is blocked
en: this website is blocked
en: this page is blocked
en: is not accessible in your country
en: this website is not available
en: your internet access policy
en: violates the acceptable use policy
en: surf safely
de: diese seite wurde gesperrt
de: der zugang zu dieser website wurde gesperrt
de: diese webseite ist gesperrt
fr: ce site est bloqué
fr: l'accès à ce site a été bloqué
fr: l'accès à ce site est bloqué
fr: l'accès à cette page est interdit
fr: accès à ce site est interdit
es: el acceso a este sitio ha sido bloqueado
es: el acceso a esta página ha sido bloqueado
es: este sitio ha sido bloqueado
es: página bloqueada
it: accesso negato in ottemperanza
it: sito inibito
it: il sito è stato oscurato
pt: este site foi bloqueado
pl: dostęp do tej strony został zablokowany
pl: strona zablokowana
ru: доступ к сайту ограничен
ru: доступ к ресурсу ограничен
ru: доступ к запрашиваемому ресурсу
ru: доступ к информационному ресурсу ограничен
ru: доступ заблокирован
ru: ресурс заблокирован
ru: сайт заблокирован
ru: страница заблокирована
uk: доступ до сайту обмежено
ar: تم حجب هذا الموقع
ar: تم حجب الموقع
ar: هذا الموقع محجوب
ar: الموقع محجوب
ar: الوصول إلى هذا الموقع غير مسموح
ar: عذرا الموقع المطلوب غير متاح
ar: الدخول إلى هذا الموقع ممنوع
fa: دسترسی به این سایت
fa: دسترسی به این تارنما
fa: دسترسی به تارنمای
fa: امکان دسترسی به این
fa: مشترک گرامی
fa: مسدود می باشد
tr: bu siteye erişim engellenmiştir
tr: bu internet sitesine erişim
tr: erişim engellendi
tr: sitesine erişim engellenmiştir
zh: 禁止访问该网站
zh: 该网站已被屏蔽
zh: 您访问的网站
zh: 您访问的网页
zh: 访问被阻止
zh: 访问被拒绝
zh: 网站已被阻断
zh: 网站已被封锁
zh: 该网页无法访问
ko: 접속이 차단
id: situs ini diblokir
id: akses ke situs
vi: trang web này đã bị chặn
hi: इस वेबसाइट को ब्लॉक
`
	deniedPhrases = `
en: web page blocked
en: url blocked
en: site blocked
en: website blocked
es: sitio bloqueado
fr: site bloqué
ko: 사이트 차단
tr: erişimi engellenmiştir
tr: erişime engellenmiştir
uk: доступ обмежено
ru: доступ ограничен
ru: заблокирован по решению
es: bloqueado por orden
es: contenido bloqueado
en: prohibited in this country
en: has been blocked in accordance with
en: blocked by order of
en: blocked under
en: content filter
en: web filter
en: contact your network administrator
fa: فیلتر شده است
fa: مسدود شده است
es: acceso restringido
en: prohibited content
en: has been blocked by
en: access denied
en: access forbidden
en: access restricted
en: blocked
en: not available in your
en: network administrator
en: internet service provider
en: acceptable use
en: court decision
en: by order of
en: telecommunications regulat
fr: accès refusé
fr: accès interdit
fr: bloqué
fr: décision de justice
es: acceso denegado
es: bloqueado
es: orden judicial
ru: роскомнадзор
ru: федеральным законом
ru: 149-фз
ru: единый реестр
ar: هيئة الاتصالات
ar: محجوب
ar: القوانين
fa: فیلتر
fa: کارگروه
fa: قوه قضاییه
fa: قوانین جمهوری
tr: 5651 sayılı
tr: bilgi teknolojileri
tr: mahkeme
tr: sulh ceza
zh: 违反
zh: 法律法规
zh: 网络管理员
zh: 屏蔽
`
	challengePhrases = `
en: just a moment
en: attention required
en: checking your browser
en: checking if the site connection is secure
en: verify you are human
en: verifying you are human
en: enable javascript and cookies to continue
en: complete the security check
en: are you a robot
en: ddos protection by
fr: vérifiez que vous êtes humain
es: verifica que eres humano
ru: проверка браузера
ru: подтвердите, что вы не робот
zh: 正在检查您的浏览器
zh: 请完成安全验证
`
	emptyServerPhrases = `
en: welcome to nginx
en: apache2 ubuntu default page
en: apache2 debian default page
en: apache2 default page
en: test page for the
en: apache http server test page
en: caddy works
en: your web server is working
en: iis windows server
en: index of /
en: it works!
en: this account has been suspended
en: account suspended
en: hosting account
en: website is under construction
en: coming soon page
en: default web site page
en: congratulations! your site
en: sign in to wi-fi
en: accept the terms to connect
en: connect to the internet
en: guest network
en: free wi-fi
fr: connexion au réseau wi-fi
es: conectarse a la red wi-fi
ru: хостинг этого сайта
ru: сайт только что создан
ru: вход в сеть wi-fi
zh: 没有找到站点
zh: 站点创建成功
tr: barındırma hesabı
`
)
