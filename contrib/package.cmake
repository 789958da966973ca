# What is installed beside the program, and the Debian package.
install(FILES contrib/celldav.service contrib/celldav.socket
	DESTINATION lib/systemd/system)
install(FILES contrib/celldav.sysusers DESTINATION lib/sysusers.d
	RENAME celldav.conf)
if(EXISTS ${PROJECT_SOURCE_DIR}/contrib/completions)
	install(FILES contrib/completions/celldav.bash
		DESTINATION share/bash-completion/completions RENAME celldav)
	install(FILES contrib/completions/_celldav
		DESTINATION share/zsh/vendor-completions)
	install(FILES contrib/completions/celldav.fish
		DESTINATION share/fish/vendor_completions.d)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME celldav)
set(CPACK_PACKAGE_VENDOR "the celldav authors")
set(CPACK_PACKAGE_CONTACT "the celldav authors <celldav@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Older builds of libevent lack fixes that a server on a network needs.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libevent-core-2.1-7 (>= 2.1.12-stable-8)")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
	${PROJECT_SOURCE_DIR}/contrib/debian/postinst)
include(CPack)
