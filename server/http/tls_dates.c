#include "server/http/tls_dates.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

static X509 *
certificate_read(const char *file)
{
	BIO *in = BIO_new_file(file, "r");
	X509 *certificate;

	if (in == NULL)
		return NULL;
	certificate = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL);
	BIO_free(in);
	return certificate;
}

static void
date_write(struct buffer *out, const ASN1_TIME *date)
{
	BIO *text = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	long len = 0;

	if (text != NULL && ASN1_TIME_print(text, date) == 1)
		len = BIO_get_mem_data(text, &bytes);
	buffer_format(out, "%.*s", (int)len, bytes != NULL ? bytes : "");
	BIO_free(text);
}

bool
tls_dates_hold(const char *certificate, struct buffer *message)
{
	X509 *read = certificate_read(certificate);
	const ASN1_TIME *date = NULL;
	bool early;

	if (read == NULL)
		return true; /* whoever uses it says what is wrong with it */
	early = X509_cmp_current_time(X509_get0_notBefore(read)) > 0;
	if (early)
		date = X509_get0_notBefore(read);
	else if (X509_cmp_current_time(X509_get0_notAfter(read)) < 0)
		date = X509_get0_notAfter(read);
	if (date != NULL) {
		buffer_format(message, "%s: the certificate %s ", certificate,
		    early ? "does not hold before" : "expired on");
		date_write(message, date);
		buffer_format(message, ": %s",
		    early ? "look at the clock" :
			    "put a new one there and reload");
	}
	X509_free(read);
	return date == NULL;
}
