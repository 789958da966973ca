#pragma once

#include "dav/property.h"
#include "dav/xml.h"

/* Every live property, by the file of its family; the table is properties.c. */
extern const struct live_property property_creationdate;
extern const struct live_property property_getlastmodified;
extern const struct live_property property_lastmodified;
extern const struct live_property property_win32_modified;
extern const struct live_property property_win32_created;
extern const struct live_property property_displayname;
extern const struct live_property property_resourcetype;
extern const struct live_property property_getcontentlength;
extern const struct live_property property_getcontenttype;
extern const struct live_property property_getetag;
extern const struct live_property property_resource_id;
extern const struct live_property property_lockdiscovery;
extern const struct live_property property_supportedlock;
extern const struct live_property property_quota_available;
extern const struct live_property property_quota_used;
extern const struct live_property property_quota;
extern const struct live_property property_quotaused;
extern const struct live_property property_current_user_principal;
extern const struct live_property property_principal_url;
extern const struct live_property property_principal_collection_set;
extern const struct live_property property_owner;
extern const struct live_property property_current_user_privilege_set;
extern const struct live_property property_supported_privilege_set;
extern const struct live_property property_supported_report_set;
extern const struct live_property property_sync_token;

/* "/principals/NAME/", percent-encoded. */
void
principal_href_write(struct buffer *out, struct text name);
