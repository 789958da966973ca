# Backup and restore write and read tar; reports are JSON.
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
target_link_libraries(store PUBLIC PkgConfig::ARCHIVE PkgConfig::JANSSON)
