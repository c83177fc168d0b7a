/* SPDX-License-Identifier: MIT */
/* As train.sh: 4 steps, of which step k has the loss k * argv[1]. On SIGTERM it writes its checkpoint and returns 0. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t ends = 0;

static void note(int number) { ends = number; }

static void save(const char *path, int done)
{
    char aside[4096];
    snprintf(aside, sizeof aside, "%s.new", path);
    FILE *file = fopen(aside, "w");
    fprintf(file, "%d\n", done);
    fclose(file);
    rename(aside, path);
}

int main(int count, char **words)
{
    const char *checkpoint = getenv("HYPEROPT_CHECKPOINT"), *mode = words[2];
    double x = atof(words[1]);
    int hangs = !strcmp(mode, "hang"), waits = !strcmp(mode, "wait") && !atoi(getenv("HYPEROPT_RESUMED"));
    int done = 0;
    char path[4096];
    FILE *saved = fopen(checkpoint, "r"), *notes;
    if (saved && fscanf(saved, "%d", &done) != 1)
        return 3;
    if (saved)
        fclose(saved);
    snprintf(path, sizeof path, "%s/attempts.txt", getenv("HYPEROPT_TRIAL_DIRECTORY"));
    notes = fopen(path, "a");
    fprintf(notes, "begins after %d\n", done);
    fclose(notes);
    signal(SIGTERM, hangs ? SIG_IGN : note);
    if (hangs && fork() == 0) {
        setsid();
        pause();
    }
    while (!ends && done < 4) {
        FILE *metrics = fopen(getenv("HYPEROPT_METRICS"), "a");
        usleep(50000);
        done++;
        fprintf(metrics, "{\"step\": %d, \"loss\": %g}\n", done, done * x);
        fclose(metrics);
        while (!ends && (hangs || done * x > 5 || (waits && done == 2)))
            usleep(50000);
    }
    if (ends)
        save(checkpoint, done);
    return 0;
}
