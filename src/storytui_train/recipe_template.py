"""What `storytui-train init` writes: a recipe with every key, its default and what it is for."""

TEMPLATE = """\
# A recipe for storytui-train. `storytui-train run` does all of it, and skips what did not change.
# What is commented out has the value shown.

name = "NAME"
# folder = ""            # the working folder, beside this file; empty: this file's name
# seed = 1
# licence = ""           # of the dataset, for its card

# --- what is read: as many [[sources]] as you like ------------------------------------------------

[[sources]]
type = "manuscripts"     # txt, Markdown, docx, epub, HTML, or folders of chapters
paths = ["manuscripts"]
# author = ""
# title = ""             # of a single manuscript; empty: the file's own
# folders = "auto"       # a folder is one "book" in chapters, or "books"; auto: by what is in it
# private = true         # never sent to a teacher that is not on this machine
# language = ""
# licence = "private"

# [[sources]]
# type = "gutenberg"     # books of Project Gutenberg
# ids = [35, 84]
# authors = ["Jerome, Jerome K."]
# subjects = ["Detective and mystery stories"]
# topics = []            # asked of the api
# languages = ["en"]
# limit = 0              # the most books; 0: all
# folder = ""            # a folder or local mirror; nothing is downloaded then
# catalog = ""           # pg_catalog.csv, plain or .gz; empty: the mirror's
# api = ""               # a Gutendex-style address
# mirror = "https://aleph.gutenberg.org"   # or rsync://…; not the web site itself
# seconds_between = 2.0  # between two requests
# contact = ""           # sent in the user agent, for the mirror's keeper

# [[sources]]
# type = "dataset"       # JSONL, Parquet or a dataset of the Hugging Face Hub with a text column
# path = "books.jsonl"
# text = "text"
# title = "title"
# author = "author"
# split = "train"
# limit = 0
# licence = ""
# private = false

# [[sources]]
# type = "published"     # rows with prompt and response, as molbal/reasoning-story-completion
# path = "rows.jsonl"
# prompt = "prompt"
# response = "response"
# split = "train"
# limit = 0
# licence = ""

# [[sources]]
# type = "takes"         # what you accepted in the editor, with its context
# folder = ""            # the editor's data folder; empty: its usual place
# manuscripts = []       # only of these files; empty: of all
# minimum_words = 40
# private = true

[clean]
# quotes = "keep"        # keep, straight, curly
# dashes = "keep"        # keep, em
# emphasis = "markdown"  # markdown (_so_ becomes *so*), keep, drop
# footnotes = "drop"     # drop, keep

[choose]
# languages = ["en"]     # empty: all
# kinds = ["prose"]      # prose, verse, play
# fiction = "only"       # only, any
# minimum_words = 2000
# maximum_words = 0      # 0: no limit
# duplicates = "drop"    # near-duplicate editions: drop (the longest is kept), keep
# quality = "gopher"     # gopher, off
# keep = []              # ids of sources that are kept whatever is found
# refuse = []            # ids of sources that are left out

[chunk]
# context_sentences = 80
# continuation_sentences = 20
# context_words = 0      # in words instead, to the nearest sentence's end; 0: in sentences
# continuation_words = 0
# stride_sentences = 0   # from one row to the next; 0: the continuation's length
# after_sentences = 5    # kept from behind the continuation, for what follows the cursor
# minimum_context_sentences = 8
# minimum_continuation_sentences = 5
# kinds = ["prose"]      # chapters that are cut
# early_rows = false     # also rows with short contexts, from a chapter's beginning
# varied_cuts = 0.15     # share of rows cut where a writer's cursor stands
# rows_per_book = 0      # 0: all

[split]
# by = "auto"            # author, book, chapter; auto: author, or the next where there is one;
#                        # place: within each book, where it has no chapters
# validation = 0.05
# test = 0.05
# validation_authors = []
# test_authors = []
# gap_chapters = 1       # between splits, where a single book is split
# overlap_words = 13     # rows that share so many words in a row with the test set are dropped

[teacher]
# kind = "none"          # none, endpoint, batch, vllm, local, written
# file = ""              # where kind is written: plans of your own, a line of JSON each:
#                        # {"id": "a row's id", "reasoning": "…", "guidance": "…"}
# writer = ""            # the model that wrote those plans; empty: people did
# url = "https://openrouter.ai/api/v1"
# model = "deepseek/deepseek-r1"           # or a GGUF by name or path, where kind is local
# key_variable = "OPENROUTER_API_KEY"      # the environment variable with the key
# plans = 4              # for each row; the best is kept
# attempts = 4           # replies asked for a plan until one is usable
# plan_words = [40, 220]
# leak_words = 6         # a plan must not share so many words in a row with the continuation
# leak_limit = 0.0       # but for this share
# temperature = 0.8
# max_tokens = 4096      # of a reply, a thinking model's own thoughts among them
# extra = {}             # sent with every request as it is: options of one provider
# retries = 10           # of a request that was not answered, longer and longer apart
# unanswered = "stop"    # rows without an answer in the end: stop, list (and go on)
# concurrency = 16
# timeout = 120.0        # seconds
# prompt_price = 0.0     # US dollars for a million tokens; 0: as the endpoint reports
# completion_price = 0.0
# budget = 0.0           # US dollars at the most; a teacher elsewhere needs one
# send_private = false   # whether private texts may be sent to a teacher elsewhere
# guidance = true        # one sentence a row saying where the story goes
# rows = 0               # the most rows that are taught; 0: all

[score]
# model = ""             # a GGUF that judges plans; empty: the first usable plan is kept
# format = "storytui-1"
# minimum_gain = 0.0     # percent of perplexity
# drop = true            # training rows whose best plan gains less
# context_words = 0      # of the context that the judge reads; 0: all

[dataset]
# formats = ["storytui-1", "cra-v1", "cra-v1-guided"]
# files = ["jsonl", "parquet"]
# later = 0.2            # share of storytui-1 rows that are given what follows the cursor
# direction = 0.5        # share that are given the guidance as direction
# length = 0.5           # share that are given the length
# without_reasoning = "drop"               # rows without a plan: drop, keep

# --- what is trained, and what becomes of it; without a base the data set is all ------------------

[train]
# base = ""              # a repository of the Hub, a folder of weights, a GGUF by name or path, or
#                        # "built-in"; empty: nothing is trained
# revision = ""          # of the repository
# gguf = ""              # a GGUF of the same base, where the base is none or another one is served:
#                        # its vocabulary makes the tokens, and the GGUF files below are made for it
# format = "storytui-1"  # storytui-1, cra-v1, cra-v1-guided
# sequence = 4096        # tokens of a row; longer ones lose context from its head
# rank = 16
# alpha = 32.0
# rslora = false         # alpha / sqrt(rank), not alpha / rank
# dropout = 0.0
# rank_pattern = {}      # ranks of modules by the ends of their names: { "down_proj" = 32 }
# alpha_pattern = {}
# reasoning = true       # whether plans are trained with the replies
# answers_per_plan = 0.0 # the most rows without a plan for each one that has a plan; 0: all
# learning_rate = 2e-4
# schedule = "cosine"    # cosine, linear, constant
# warmup = 0.03          # share of the steps in which the learning rate rises
# weight_decay = 0.0
# max_grad_norm = 1.0
# epochs = 1.0
# steps = 0              # 0: as many as the epochs take
# batch = 8              # rows of a step
# rows_at_once = 1       # computed together; costs memory and changes nothing else
# packing = true         # short rows share a sequence, each with attention of its own
# optimizer = "auto"     # auto, paged_adamw_8bit, adamw
# quantisation = "nf4"   # of the frozen base: nf4, none
# compute = "auto"       # auto, bfloat16, float32
# loss_rows = 256        # reply tokens whose logits exist at one time
# checkpointing = "host" # where layers' inputs are kept for the way back: host, device, off
# embeddings = "host"    # host, device
# validate_every = 0     # steps; 0: ten times in a run
# validation_rows = 64   # 0: all
# patience = 3           # validations without a better one after which it ends; 0: never
# save_every = 0         # steps between states to go on from; 0: at each validation
# keep_states = 2
# vram = ""              # memory that it has to fit, such as 8GiB; empty: what the GPU has, for
#                        # plan 8GiB where there is none

[export]
# name = ""              # of the model, as the editor lists it; empty: the recipe's
# outputs = ["adapter"]  # GGUF files: adapter; direct: merged into the quantised base as it is;
#                        # merged: into a base of 16 bits, then quantised. The first is measured
#                        # before the others, and is what the editor lists. weights: no GGUF, but
#                        # safetensors for transformers, of a base that is no GGUF
# adapter_type = "f16"   # f16, f32
# scale = 1.0            # how strongly the adapter works; 1: as it was trained
# quantisation = "Q4_K_M"                  # of merged
# importance = ""        # an importance matrix, for direct and merged
# add = true             # put it into the editor's list of models

[evaluate]
# models = []            # others to be measured too, by name or path; MODEL+ADAPTER
# rows = 120             # of the test split; 0: all
# takes = 24             # replies that are written; 0: none
# words = 180            # asked for in them
# context_words = 0      # of the context; 0: all
# seed = 1
# confidence = 0.95      # of the intervals

[publish]
# repository = ""        # owner/name on the Hub; parts get endings to it
# private = true
# licence = ""           # of the model; empty: that of its base
# parts = ["adapter", "gguf"]              # adapter, merged, gguf, dataset
# tags = []
# base = ""              # the base's name on the Hub, where it is not known by itself
# private_texts = "stay" # of what was made of private texts: stay, model, rows
# never = false          # nothing of it may be published

[run]
# executor = "local"     # local, slurm, ray
# workers = 0            # processes; 0: one for each core
# tasks = 0              # pieces of work; 0: one for each text, 256 at the most
# partition = ""         # for Slurm
# time = "04:00:00"
# cpus_per_task = 1
# memory_per_cpu = 2     # gigabytes
# ray_address = ""
"""
