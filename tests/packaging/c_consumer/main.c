/* An outside program over the installed C library: opens everything in process and asks for its version. */
#include <envoyou/c/envoyou.h>

#include <stdio.h>

int main(void) {
  printf("envoyou %s\n", envoyou_version());
  return 0;
}
