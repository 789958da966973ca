#include "dav/properties.h"

const struct live_property *const live_properties[] = {
	/* In the order in which allprop shows them. */
	&property_displayname,
	&property_resourcetype,
	&property_getcontentlength,
	&property_getcontenttype,
	&property_getlastmodified,
	&property_creationdate,
	&property_getetag,
	&property_supportedlock,
	&property_lockdiscovery,
	&property_quota_available,
	&property_quota_used,
	&property_quota,
	&property_quotaused,
	&property_owner,
	&property_current_user_principal,
	&property_current_user_privilege_set,
	&property_supported_privilege_set,
	&property_supported_report_set,
	&property_principal_url,
	&property_principal_collection_set,
	&property_resource_id,
	&property_sync_token,
	&property_lastmodified,
	&property_win32_modified,
	&property_win32_created,
};

const size_t live_property_count = sizeof(live_properties) /
    sizeof(live_properties[0]);

const struct live_property *
live_property_find(struct text space, struct text name)
{
	for (size_t i = 0; i < live_property_count; i++)
		if (text_equal(name, text_from(live_properties[i]->name)) &&
		    text_equal(space, text_from(live_properties[i]->space)))
			return live_properties[i];
	return NULL;
}
