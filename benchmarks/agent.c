/* A coding agent that costs next to nothing: the time of a run with it is the server's own.
 *
 * It takes the prompt as Cursor's command line does, on standard input with
 * "--output-format stream-json" and after "-p" otherwise, and writes the report
 * that a line "REPORT: path" names, with the phrase of the line "PHRASE: text".
 * BENCH_STAMPS names a file that gets the monotonic time (ns) of its first
 * instruction.  BENCH_SECONDS is how long it is to be at work before that: ten
 * times a second it says something then or uses a tool, now and then with a lot
 * to read, in a line of about BENCH_LONGEST characters.  BENCH_SPANS names a file
 * that gets a line for each run: the report, and when the run began and ended (ns
 * since the epoch).  "noop" as the only argument: nothing at all.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char prompt[1 << 20];

static char *line_after(const char *label)
{
	char *start = strstr(prompt, label), *end;

	if (!start)
		return NULL;
	start += strlen(label);
	end = strchr(start, '\n');
	return strndup(start, end ? (size_t)(end - start) : strlen(start));
}

static long long time_on(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* A line in the file that the variable names, if it is set. */
static void note(const char *variable, const char *text, int length)
{
	const char *place = getenv(variable);
	int file;

	if (!place)
		return;
	file = open(place, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (file < 0 || write(file, text, length) != length)
		exit(9);
	close(file);
}

/* A line of Cursor's stream with so many characters of text. */
static void say(const char *before, int length, const char *after)
{
	fputs(before, stdout);
	while (length-- > 0)
		putchar("agent "[length % 6]);
	puts(after);
}

static void work(int seconds)
{
	struct timespec pause = {0, 100000000};
	const char *longest = getenv("BENCH_LONGEST");

	for (int step = 0; step < seconds * 10; step++) {
		if (step % 2)
			say("{\"type\":\"assistant\",\"session_id\":\"s\",\"message\":{\"role\":"
			    "\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"",
			    400, "\"}]}}");
		else {
			say("{\"type\":\"tool_call\",\"subtype\":\"started\",\"call_id\":\"c\","
			    "\"session_id\":\"s\",\"tool_call\":{\"readToolCall\":{\"args\":"
			    "{\"path\":\"src/main.py\"}}}}", 0, "");
			say("{\"type\":\"tool_call\",\"subtype\":\"completed\",\"call_id\":\"c\","
			    "\"session_id\":\"s\",\"tool_call\":{\"readToolCall\":{\"args\":"
			    "{\"path\":\"src/main.py\"},\"result\":{\"success\":{\"content\":\"",
			    step % 100 || !longest ? 2000 : atoi(longest), "\"}}}}}");
		}
		fflush(stdout);
		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	int streams = 0;
	size_t size = 0;
	ssize_t got;
	char *report, *phrase, text[4096];
	FILE *file;
	long long began = time_on(CLOCK_REALTIME);

	note("BENCH_STAMPS", text,
	     snprintf(text, sizeof text, "%lld\n", time_on(CLOCK_MONOTONIC)));
	if (argc == 2 && !strcmp(argv[1], "noop"))
		return 0;
	for (int i = 1; i < argc; i++) {
		streams |= !strcmp(argv[i], "stream-json");
		if (!strcmp(argv[i], "-p") && i + 1 < argc)
			strncpy(prompt, argv[i + 1], sizeof prompt - 1);
	}
	if (streams) {
		while ((got = read(0, prompt + size, sizeof prompt - 1 - size)) > 0)
			size += got;
		prompt[size] = 0;
	}
	if (streams && getenv("BENCH_SECONDS"))
		work(atoi(getenv("BENCH_SECONDS")));
	report = line_after("REPORT: ");
	phrase = line_after("PHRASE: ");
	if (report) {
		file = fopen(report, "w");
		if (!file)
			return 3;
		fprintf(file, "# Done\n\n%s\n", phrase ? phrase : "");
		fclose(file);
	}
	if (streams)
		puts("{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,"
		     "\"result\":\"done\",\"session_id\":\"s\"}");
	fflush(stdout);
	note("BENCH_SPANS", text,
	     snprintf(text, sizeof text, "%.2000s %lld %lld\n", report ? report : "-", began,
		      time_on(CLOCK_REALTIME)));
	return 0;
}
